"""The statistics, on plain arrays.  A replicate is a boot; nothing here knows
of kernels or databases.

Everything works on one group: the values of one (config, machine, workload,
metric), split by kernel.  Values are logarithms where the caller chose that
scale.

Variance.  With three to five boots per kernel, a kernel's own variance is
hardly known, so the kernels of a group share one (Scheffe, The Analysis of
Variance, 1959, ch. 3).  That is only honest while they are equally noisy: one
kernel three times as noisy as nine others is called changed in 24 % of runs
without a change (five boots, level 5 %), and it hides the changes of all
others.  So F tests decide who shares:

1. A kernel noisier than all others together (10 %, Bonferroni) lends its
   variance to nobody.
2. A pair in which one kernel is noisier than those that are left (10 %), or
   that is quieter than them (1 %), is compared by Welch's test on its own
   variances (Welch, Biometrika 34, 1947).

Simulated with 3 to 12 kernels at three and five boots, false alarms are 4 to
6 % of runs with equal variances and at worst 11 % (three boots, half of the
kernels five times as noisy as the rest; five boots: 7 %).  The power at five
boots, d = 3, level 1 % is 0.89 to 0.91; Welch's test alone has 0.83.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

NOISIER = 0.10
QUIETER = 0.01
LEVEL = 0.95
#: Equal values in so many boots are taken for a deterministic metric, in so
#: few only if all kernels have them.
EXACT, EXACT_FROM = 5, 3
#: The widest step in which a tool reports: whole units.
WIDEST = 1.0
POWER = 0.8


@dataclass
class Sample:
    """The boots of one kernel: mean, variance (n - 1 below), n >= 1."""

    mean: float
    var: float
    n: int

    @classmethod
    def of(cls, values: np.ndarray) -> "Sample":
        """values: one per boot, finite, at least one."""
        # Equal values differ from their mean by a rounding error.
        if values.max() == values.min():
            return cls(float(values[0]), 0.0, len(values))
        # np.mean and np.var take five times as long on a handful of values.
        mean = float(values.sum()) / len(values)
        off = values - mean
        return cls(mean, float(off @ off) / (len(values) - 1), len(values))

    @property
    def df(self) -> int:
        return self.n - 1


@dataclass
class Contrast:
    """b minus a: the estimate, its standard error and degrees of freedom."""

    estimate: float
    se: float
    df: float
    sd: float
    method: str

    def half(self, level: float = LEVEL) -> float:
        """Half the width of the two-sided interval."""
        from scipy.special import stdtrit
        return float(stdtrit(self.df, 0.5 + level / 2)) * self.se

    def p(self) -> float:
        """Two-sided, of no difference."""
        from scipy.special import stdtr
        return float(2 * stdtr(self.df, -abs(self.estimate) / self.se))


def pooled(samples: list[Sample]) -> tuple[float, int]:
    """The shared variance and its degrees of freedom (0: nothing known)."""
    squares, df = 0.0, 0
    for one in samples:
        if one.n > 1:
            squares += (one.n - 1) * one.var
            df += one.n - 1
    return (squares / df, df) if df else (0.0, 0)


def noisier(var: float, df: int, rest: tuple[float, int],
            level: float = NOISIER) -> bool:
    """Is a variance above the rest's, as pooled() gives it (F test)?"""
    from scipy.special import fdtrc
    shared, shared_df = rest
    if not df or not shared_df:
        return False
    if shared == 0:
        return var > 0
    return bool(fdtrc(df, shared_df, var / shared) < level)


def quieter(var: float, df: int, rest: tuple[float, int]) -> bool:
    """Is a variance above 0 far below the rest's (F test)?"""
    from scipy.special import fdtr
    shared, shared_df = rest
    return bool(df and var > 0 and shared > 0
                and fdtr(df, shared_df, var / shared) < QUIETER)


def lenders(group: list[Sample]) -> list[bool]:
    """Who of a group may lend its variance to others?"""
    return [not noisier(one.var, one.df,
                        pooled(group[:i] + group[i + 1:]),
                        NOISIER / len(group))
            for i, one in enumerate(group)]


def contrast(a: Sample, b: Sample, others: list[Sample]) -> Contrast | None:
    """Compare kernel b with kernel a; others are the group's other kernels
    that lend their variance.

    None where no boots give a spread: a or b has one boot, or no value
    differs from another of its kernel.
    """
    if a.n < 2 or b.n < 2:
        return None
    pair, rest = pooled([a, b]), pooled(others)
    lent = rest[1] > 0
    if (noisier(a.var, a.df, rest if lent else (b.var, b.df))
            or noisier(b.var, b.df, rest if lent else (a.var, a.df))
            or quieter(*pair, rest)):
        return _welch(a, b)
    var, df = pooled([a, b, *others])
    if var == 0:
        return None
    se = math.sqrt(var * (1 / a.n + 1 / b.n))
    return Contrast(b.mean - a.mean, se, df, math.sqrt(var), "pooled t")


def _welch(a: Sample, b: Sample) -> Contrast:
    va, vb = a.var / a.n, b.var / b.n
    df = (va + vb) ** 2 / (va ** 2 / a.df + vb ** 2 / b.df)
    sd = math.sqrt((a.var + b.var) / 2)
    return Contrast(b.mean - a.mean, math.sqrt(va + vb), df, sd, "Welch t")


def mean_interval(one: Sample, others: list[Sample]) -> float | None:
    """Half the 95 % interval of a kernel's own mean; None if unknown.
    others as for contrast()."""
    from scipy.special import stdtrit
    rest = pooled(others)
    if noisier(one.var, one.df, rest) or quieter(one.var, one.df, rest):
        var, df = one.var, one.df
    else:
        var, df = pooled([one, *others])
    if not df:
        return None
    return float(stdtrit(df, 0.5 + LEVEL / 2)) * math.sqrt(var / one.n)


def benjamini_hochberg(p: list[float]) -> list[float]:
    """False discovery rates, in the order given (J. R. Stat. Soc. B 57,
    1995).  An empty family gives an empty list."""
    if not p:
        return []
    from statsmodels.stats.multitest import multipletests
    return [float(q) for q in multipletests(p, method="fdr_bh")[1]]


def boots_needed(sd: float, distance: float) -> float:
    """About how many boots per kernel show that a difference lies `distance`
    away from the margin, with 80 % power at 5 %; inf for a distance of 0.

    Guenther's small-sample form (The American Statistician 35, 1981).
    """
    from scipy.special import ndtri
    if distance <= 0:
        return math.inf
    alpha, beta = ndtri(0.975), ndtri(POWER)
    return float(2 * ((alpha + beta) * sd / distance) ** 2 + alpha ** 2 / 4)


def detectable(known: Contrast, margin: float, level: float = LEVEL) -> float:
    """How large a difference is that an interval like this one's shows beyond
    the margin with 80 % power, on the same scale: the margin and so many
    standard errors as the noncentral t distribution asks for (Johnson and
    Welch, Biometrika 31, 1940)."""
    from scipy.special import nctdtrinc, stdtrit
    far = nctdtrinc(known.df, 1 - POWER, stdtrit(known.df, 0.5 + level / 2))
    return margin + float(far) * known.se


def resolution(values: np.ndarray) -> float:
    """The step in which values were reported: 1, 0.1, 0.01 or 0.001 if all
    are multiples of it, else 0 (fine enough not to matter)."""
    for step in (WIDEST, 0.1, 0.01, 0.001):
        scaled = values / step
        if np.all(np.abs(scaled - np.round(scaled)) < 1e-6):
            return step
    return 0.0


def exact(a: Sample, b: Sample, others: list[Sample]) -> bool:
    """Are two kernels compared without a test, since all their boots agree?"""
    few = min(a.n, b.n)
    if a.var or b.var or few < EXACT_FROM:
        return False
    return few >= EXACT or all(one.var == 0 for one in others)


def coarseness(a: list[float], b: list[float]) -> float:
    """The step in which two kernels' values were rounded, if it is wider than
    their spread; else 0.

    Such values do not average out: 4, 4, 4 against 5, 5, 5 us can be any
    difference from 0 to 2 us.
    """
    spread = math.sqrt(max(Sample.of(np.array(one)).var for one in (a, b)))
    if spread >= WIDEST / 2:
        return 0.0
    step = resolution(np.array(a + b))
    return step if spread < step / 2 else 0.0


def samples_for_quantile(quantile: float) -> int:
    """How many values it takes until, with 95 % probability, one lies beyond
    the quantile: below that it cannot be estimated (99.9 %: 2,995)."""
    return math.ceil(math.log(0.05) / math.log(quantile))
