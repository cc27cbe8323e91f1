"""What all pages share: the templates' environment, and how a page gets to its
place."""

from __future__ import annotations

import base64
import datetime
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

from .. import plots, text
from ..errors import CannotWork


def environment() -> Any:
    """The jinja2 environment: everything is escaped, nothing is undefined."""
    import jinja2
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(plots.REPORTS), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True)
    made.filters.update(plain=text.plain, console=text.console,
                        plural=text.plural)
    made.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return made


def style(*names: str) -> Any:
    """The style sheets reports/css/NAME.css, one after the other."""
    return markup("\n".join((plots.REPORTS / "css" / f"{name}.css").read_text()
                            for name in names))


def script(*names: str) -> Any:
    """The scripts reports/js/NAME.js, one after the other."""
    return markup("\n".join((plots.REPORTS / "js" / f"{name}.js").read_text()
                            for name in names))


def policy(code: str) -> Any:
    """A page's content security policy: its own style, this script, and no
    request at all."""
    digest = hashlib.sha256(code.encode()).digest()
    return markup("default-src 'none'; base-uri 'none'; "
                  "form-action 'none'; style-src 'unsafe-inline'; script-src "
                  f"'sha256-{base64.b64encode(digest).decode()}'")


def markup(safe: str) -> Any:
    """Text that is markup already, of our own making."""
    import markupsafe
    return markupsafe.Markup(safe)


def now() -> str:
    """When a page is written."""
    return datetime.datetime.now(datetime.timezone.utc).strftime(
        "%Y-%m-%d %H:%M UTC")


def publish(path: Path, page: str) -> None:
    """Write a page by rename.  Raises CannotWork."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".index-",
                                             dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(page.encode("utf-8", "replace"))
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise CannotWork(f"'{path}' cannot be written: "
                         f"{error.strerror}") from None
