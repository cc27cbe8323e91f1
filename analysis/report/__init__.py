"""The HTML pages of a lab: a report per study, a history of those whose kernels
are releases, a page per bisect, and an index of all.

Everything from a guest, a study or a package is hostile text: the templates
escape all of it, the plots are rebuilt from allowed elements (plots.py), and
each page's own policy forbids any request.
"""

from .bisect import write as write_bisect
from .index import write as write_index
from .page import render, write

__all__ = ["render", "write", "write_bisect", "write_index"]
