"""Which share of latencies is longer than x: what a histogram's tail shows on
two logarithmic axes.  Numbers only; boots are added up, since this shows and
does not judge (latency.py does)."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, Iterable

#: What may be left out of a curve, in powers of ten: about a pixel.
NEAR_X, NEAR_Y = 0.015, 0.03
#: The last steps of a curve are never left out.
TAIL = 16
#: With 95 % probability, what was not seen in N samples has a rate below 3/N
#: (Hanley and Lippman-Hand, JAMA 249, 1983).
UNSEEN = 3.0


@dataclass
class Curve:
    """The latencies of one kernel, or of one of its CPUs.

    steps: (us, share): after this number of microseconds, rising, that share
    of the latencies is longer, falling.  overflow: how many were longer than
    limit, the first microsecond that nothing is known of; then the last share
    is not 0.
    """

    steps: list[tuple[int, float]]
    samples: int
    overflow: int
    limit: int

    @property
    def unseen(self) -> float:
        """Shares below that cannot be estimated; 1 without a latency."""
        return min(UNSEEN / self.samples, 1.0) if self.samples else 1.0

    @property
    def highest(self) -> int | None:
        """The longest latency, as far as it is known."""
        return self.steps[-1][0] if self.steps else None

    def over(self, us: float) -> float:
        """The share that is longer than so many microseconds."""
        share = 1.0
        for at, left in self.steps:
            if at > us:
                break
            share = left
        return share


def curve(rows: Iterable[Any]) -> Curve | None:
    """From rows of lab.counts; None if none of them can be read.

    Where histograms of several limits are added up and one has an overflow,
    nothing is known from its limit on.
    """
    rows = [row for row in rows if row.counts is not None]
    if not rows:
        return None
    counts: Counter[int] = Counter()
    for row in rows:
        for us, number in row.counts.items():
            counts[us] += number
    beyond = sum(int(row.overflow) for row in rows)
    limit = min((int(row.limit_us) for row in rows if row.overflow),
                default=max(int(row.limit_us) for row in rows))
    samples = left = sum(counts.values()) + beyond
    steps = []
    for us in sorted(us for us, number in counts.items() if number > 0):
        if us >= limit:
            break
        left -= counts[us]
        steps.append((us, left / samples))
    return Curve(steps, samples, left, limit)


def thin(steps: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Fewer steps of the same look: none is moved, and what is left out lies
    within NEAR_X and NEAR_Y of what stays.  The last ones all stay."""
    head, tail = steps[:-TAIL], steps[-TAIL:]
    kept: list[tuple[int, float]] = []
    for i, (us, share) in enumerate(head):
        follows = head[i + 1][0] if i + 1 < len(head) else tail[0][0]
        if _bin(follows) == _bin(us):
            continue
        before = kept[-1][1] if kept else 1.0
        if math.log10(before / share) >= NEAR_Y:
            kept.append((us, share))
    return kept + tail


def _bin(us: int) -> int:
    return math.floor(math.log10(max(us, 0.5)) / NEAR_X)


def vertices(one: Curve, low: float,
             bottom: float) -> list[tuple[float, float]]:
    """The line to draw, from (low, 1) on: down to the bottom where all are
    known, or to an arrow head at the limit where the rest is longer."""
    line, share = [(low, 1.0)], 1.0
    for us, left in thin(one.steps):
        us, left = max(us, low), max(left, bottom)
        line += [(us, share), (us, left)]
        share = left
    if one.overflow:
        line += [(one.limit, share), (one.limit / 1.05, share * 1.3),
                 (one.limit, share), (one.limit / 1.05, share / 1.3)]
    return line
