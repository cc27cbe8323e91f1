"""Counts of verdicts, and how far they can be trusted."""

from __future__ import annotations

from collections import Counter

from . import noise, text, verdicts
from .verdicts import Judgement

#: Verdicts in the order of a reader's interest.
ORDER = (verdicts.BROKEN, verdicts.REGRESSED, verdicts.IMPROVED,
         verdicts.INCONCLUSIVE, verdicts.EQUIVALENT, verdicts.SAME,
         verdicts.NOT_APPLICABLE)


def counts(judgement: Judgement,
           primary: bool | None = None) -> dict[str, int]:
    """Rows per verdict, in ORDER, without the baseline and without zeros;
    only those of primary (True) or secondary (False) metrics if asked."""
    found = Counter(row.verdict for group, row in judgement.rows()
                    if primary in (None, group.primary))
    return {name: found[name] for name in ORDER if found[name]}


def tally(judgement: Judgement) -> str:
    """'primary metrics: 2 regressed, 1 equivalent; secondary: 3 improved',
    or '' if nothing was compared."""
    parts = []
    for name, primary in (("primary metrics", True), ("secondary", False)):
        found = counts(judgement, primary)
        if found:
            parts.append(f"{name}: " + ", ".join(
                f"{number} {word}" for word, number in found.items()))
    return "; ".join(parts)


#: What fresh boots said of a claim.  A kernel that follows has the change of
#: the one before it, which is confirmed.
REPEATED = (
    (lambda row: row.confirmed and row.repeated, "confirmed by fresh boots"),
    (lambda row: row.confirmed and not row.repeated,
     "the same as of a confirmed kernel before"),
    (lambda row: row.confirmed is False, "not confirmed by fresh boots"),
    (lambda row: row.confirmed is None, "not repeated yet"))


def trust(judgement: Judgement) -> list[str]:
    """Lines on how far the verdicts can be trusted: what the lab would say of
    the baseline against itself, and which claims fresh boots repeated."""
    lines = [_noise(judgement)]
    claimed = [row for _, row in judgement.rows()
               if row.claim and row.twin is None]
    if claimed and judgement.rules.confirm:
        told = [(sum(bool(is_so(row)) for row in claimed), words)
                for is_so, words in REPEATED]
        lines.append(f"{text.plural(len(claimed), 'claimed change')}: "
                     + ", ".join(f"{number} {words}" for number, words in told
                                 if number))
    elif claimed:
        lines.append(f"{text.plural(len(claimed), 'claimed change')}, none "
                     "repeated on fresh boots (compare: confirm)")
    return lines


def _noise(judgement: Judgement) -> str:
    """The A/A line, of the primary metrics."""
    known = [group.noise for group in judgement.groups
             if group.primary and group.noise is not None]
    if not known:
        return ("A/A: false alarms not measured, that takes "
                f"{noise.LEAST} boots of the baseline at first (compare: aa)")
    alarms = sum(one.alarms for one in known) / len(known)
    each = " or ".join(f"{n} against {n}" for n in
                       sorted({one.each for one in known}))
    return (f"A/A: of {known[0].splits:,} random splits of the baseline's "
            f"boots, {each}, {100 * alarms:.1f} % look like a change"
            + (f" (mean of {len(known)} metrics)" if len(known) > 1 else ""))
