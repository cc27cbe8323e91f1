"""What was found, in the formats of others.

lkml      plain text for a mail (mail.py)
csv       a row per verdict, or per boot and metric (tables.py)
json      what `klab compare --json` prints
ktap      the kernel's Test Anything Protocol (ktap.py)
kcidb     a submission to KCIDB (kcidb.py)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from .. import load, table
from ..verdicts import Judgement
from . import kcidb, ktap, mail, tables

FORMATS = ("lkml", "csv", "json", "ktap", "kcidb")


@dataclass(frozen=True)
class Options:
    """What some formats can be asked for.

    every    lkml: all stages and metrics, not only what changed
    samples  csv: a row per boot and metric instead of one per verdict
    origin   kcidb: the CI system that submits
    """

    every: bool = False
    samples: bool = False
    origin: str = kcidb.ORIGIN


def render(form: str, lab: load.Lab, judgement: Judgement, folder: Path,
           options: Options = Options()) -> str:
    """The text of one format, ending in a newline.

    folder is the lab's.  kcidb wants a lab that was loaded with fingerprints.
    Raises BadRequest for an origin that KCIDB does not allow.
    """
    makers: dict[str, Callable[[], str]] = {
        "lkml": lambda: mail.render(lab, judgement, folder, options.every),
        "csv": lambda: (tables.samples(lab, judgement) if options.samples
                        else tables.verdicts(lab, judgement)),
        "json": lambda: _json(table.as_json(judgement)),
        "ktap": lambda: ktap.render(lab, judgement),
        "kcidb": lambda: _json(kcidb.submission(lab, judgement, folder,
                                                options.origin)),
    }
    return makers[form]()


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, allow_nan=False) + "\n"
