"""A/A: what a kernel's own boots say of the lab."""

import numpy as np
import pytest

from analysis import noise


def test_too_few_boots_are_not_split():
    rng = np.random.default_rng(1)
    assert noise.measure(rng.normal(size=9), 3, 0.0, 0.05) is None
    assert noise.measure(rng.normal(size=10), 6, 0.0, 0.05) is None
    assert noise.measure(rng.normal(size=10), 1, 0.0, 0.05) is None
    assert noise.measure(rng.normal(size=10), 5, 0.0, 0.05) is not None


def test_the_same_boots_give_the_same_answer():
    values = np.random.default_rng(2).normal(size=30)
    assert noise.measure(values, 5, 0, 0.05) == noise.measure(values, 5, 0,
                                                              0.05)


def test_equal_boots_have_no_noise():
    found = noise.measure(np.full(20, 3.0), 5, 0.0, 0.05)
    assert found.floor == 0 and found.alarms == 0


def test_normal_noise_gives_its_textbook_values():
    """30 boots of sd 1, 5 against 5: 99 % of the differences lie within
    2.58 * sqrt(2 / 5), and the test alarms in 5 %."""
    rng = np.random.default_rng(3)
    found = [noise.measure(rng.normal(size=30), 5, 0.0, 0.05)
             for _ in range(40)]
    assert np.mean([f.alarms for f in found]) == pytest.approx(0.05,
                                                               abs=0.012)
    assert np.mean([f.floor for f in found]) == pytest.approx(
        2.58 * np.sqrt(2 / 5), rel=0.06)


def test_a_margin_makes_alarms_rarer():
    values = np.random.default_rng(4).normal(size=30)
    assert (noise.measure(values, 5, 0.5, 0.05).alarms
            < noise.measure(values, 5, 0.0, 0.05).alarms)
