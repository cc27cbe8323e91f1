"""Several looks at the boots: when, and at what price."""

import numpy as np
import pytest

from analysis import sequential


def test_looks_are_preset():
    assert sequential.looks(3, 20) == (3, 5, 8, 13, 20)
    assert sequential.looks(5, 5) == (5,)
    assert sequential.looks(1, 4) == (1, 2, 4)


@pytest.mark.parametrize("least, most", [(3, 20), (2, 40), (5, 5), (1, 1000)])
def test_the_shares_add_up_to_the_whole(least, most):
    looks = sequential.looks(least, most)
    shares = [sequential.weight(least, most, look) for look in looks]
    assert sum(shares) == pytest.approx(1.0)
    assert min(shares) > 0


def test_one_look_costs_nothing():
    assert sequential.weight(5, 5, 5) == 1.0
    assert sequential.weight(5, 5, 3) == 1.0


def test_boots_between_two_looks_count_as_the_later():
    weights = {n: sequential.weight(3, 20, n) for n in (3, 4, 5, 20, 25)}
    assert weights[4] == weights[5] != weights[3]
    assert weights[25] == weights[20]


def test_what_comes_next():
    assert sequential.following(3, 20, 3) == 5
    assert sequential.following(3, 20, 0) == 3
    assert sequential.following(3, 20, 20) is None
    assert sequential.following(5, 5, 5) is None


def test_looking_often_raises_no_more_alarms():
    """5,000 comparisons of equal kernels, looked at after 3, 5, 8, 13 and 20
    boots: the share that is ever called different, next to what it would be
    without spending."""
    from scipy import stats
    rng = np.random.default_rng(11)
    a, b = rng.normal(size=(2, 5000, 20))
    spent, naive = np.zeros(5000, bool), np.zeros(5000, bool)
    for look in sequential.looks(3, 20):
        p = stats.ttest_ind(a[:, :look], b[:, :look], axis=1).pvalue
        spent |= p < 0.05 * sequential.weight(3, 20, look)
        naive |= p < 0.05
    print(f"any look: {100 * spent.mean():.1f} % with spending, "
          f"{100 * naive.mean():.1f} % without")
    assert spent.mean() <= 0.05
    assert naive.mean() > 0.10
