"""Looking at boots more than once, without paying for it in false alarms.

An adaptive study looks after a preset number of boots and stops when it has
its answer.  Each look may spend a preset share of the error: alpha spending
(Lan and DeMets, Biometrika 70, 1983) with their function of Pocock's kind,
which leaves enough at the first look for large changes to end there.  The
shares are added up (Bonferroni) rather than corrected for the correlation of
the looks: that holds whatever the boots' distribution, where the sharper
boundaries need normal values, and costs few boots.  The intervals are those of
the look at which a kernel stopped, hence wider than 95 % (repeated confidence
intervals: Jennison and Turnbull, Group Sequential Methods, 2000, ch. 9).
"""

from __future__ import annotations

import functools
import math

GROWTH = 1.6


@functools.lru_cache
def looks(least: int, most: int) -> tuple[int, ...]:
    """After how many boots per kernel a study looks: (3, 20) is 3, 5, 8, 13,
    20; (5, 5) is 5."""
    found = [least]
    while found[-1] < most:
        found.append(min(most, max(found[-1] + 1,
                                   math.ceil(GROWTH * found[-1]))))
    return tuple(found)


@functools.lru_cache
def weight(least: int, most: int, boots: int) -> float:
    """The share of the error, 0 to 1, that the look after so many boots may
    spend; a number between two looks counts as the later one."""
    before = 0
    for look in looks(least, most):
        if boots <= look or look == most:
            return _spent(look / most) - _spent(before / most)
        before = look
    return 1.0


def following(least: int, most: int, boots: int) -> int | None:
    """The number of boots at the next look; None if this was the last."""
    return next((look for look in looks(least, most) if look > boots), None)


def _spent(part: float) -> float:
    """The share of the error that is spent at a part of the boots."""
    return math.log(1 + (math.e - 1) * part)
