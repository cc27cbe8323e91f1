"""The HTML pages of a lab: a report per study.

Everything from a guest, a study or a package is hostile text: the templates
escape all of it, the plots are rebuilt from allowed elements (plots.py), and
each page's own policy forbids any request.
"""

from .page import render, write

__all__ = ["render", "write"]
