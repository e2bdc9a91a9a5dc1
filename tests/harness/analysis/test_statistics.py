import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis import bootstrap_interval, interquartile_mean, mean
from harness.analysis.statistics import (
    FloatArray,
    estimate_over_strata,
    mean_over_strata,
    mean_over_strata_interval,
    paired_interval,
    ratio_interval,
    ratio_of_means,
)

numbers = st.integers(-1000, 1000).map(lambda n: n / 7)
samples = st.lists(numbers, min_size=2, max_size=12)


@given(st.lists(numbers, min_size=1, max_size=40))
def test_interquartile_mean_drops_a_quarter_at_either_end(values: list[float]) -> None:
    cut = len(values) // 4
    kept = sorted(values)[cut : len(values) - cut]
    assert interquartile_mean(values) == pytest.approx(sum(kept) / len(kept))


def test_interquartile_mean_of_nothing_is_nan() -> None:
    assert np.isnan(interquartile_mean([]))


@given(samples)
def test_interval_contains_the_estimate(values: list[float]) -> None:
    low, high = bootstrap_interval(values)
    assert low - 1e-9 <= interquartile_mean(values) <= high + 1e-9
    assert min(values) - 1e-9 <= low
    assert high <= max(values) + 1e-9


@given(samples, numbers, st.sampled_from([-3.0, -0.5, 0.25, 10.0]))
def test_interval_shifts_and_scales_with_the_values(
    values: list[float], shift: float, scale: float
) -> None:
    moved = bootstrap_interval([shift + abs(scale) * value for value in values])
    expected = [shift + abs(scale) * end for end in bootstrap_interval(values)]
    assert moved == pytest.approx(expected, abs=1e-8)


@given(samples, st.randoms(use_true_random=False))
def test_interval_ignores_the_order_of_values(values: list[float], random: object) -> None:
    shuffled = sorted(values, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert bootstrap_interval(shuffled) == bootstrap_interval(values)


def test_interval_of_two_values_spans_both() -> None:
    # each is drawn twice with probability 1/4, far above 2.5 %
    low, high = bootstrap_interval([3.0, 8.0])
    assert (float(low), float(high)) == (3.0, 8.0)


def test_interval_of_many_values_agrees_with_the_normal_approximation() -> None:
    values = np.random.default_rng(1).uniform(0, 1, 400)
    low, high = bootstrap_interval(values)
    kept = np.sort(values)[100:300]
    winsorised = np.clip(values, kept[0], kept[-1])
    half_width = 1.96 * winsorised.std(ddof=1) / (0.5 * np.sqrt(400))
    assert high - low == pytest.approx(2 * half_width, rel=0.1)


def test_interval_of_one_value_is_unknown() -> None:
    assert np.isnan(bootstrap_interval([5.0])).all()
    assert np.isnan(bootstrap_interval([1.0, 2.0], [5.0])).all()


@given(numbers, st.integers(2, 12))
def test_interval_of_equal_values_is_a_point(value: float, count: int) -> None:
    assert bootstrap_interval([value] * count) == pytest.approx((value, value))


def test_resampling_never_mixes_strata() -> None:
    zeros, ones = [0.0] * 4, [1.0] * 4
    low, high = bootstrap_interval(zeros, ones)
    assert low == high == interquartile_mean(zeros + ones)
    mixed_low, mixed_high = bootstrap_interval(zeros + ones)
    assert mixed_low < mixed_high


@given(st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=5))
def test_rows_are_treated_one_by_one(rows: list[tuple[float, float, float]]) -> None:
    lows, highs = bootstrap_interval(np.array(rows))
    for row, low, high in zip(rows, lows, highs, strict=True):
        assert (low, high) == pytest.approx(bootstrap_interval(row))


@given(st.lists(numbers, min_size=1, max_size=20))
def test_mean_counts_every_value(values: list[float]) -> None:
    assert mean(values) == pytest.approx(sum(values) / len(values))


def test_mean_of_nothing_is_nan() -> None:
    assert np.isnan(mean([]))


def test_an_interval_is_that_of_its_statistic() -> None:
    values = np.random.default_rng(2).exponential(size=400)
    low, high = bootstrap_interval(values, statistic=mean)
    half_width = 1.96 * values.std(ddof=1) / np.sqrt(400)
    assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.1 * half_width)
    assert high - low == pytest.approx(2 * half_width, rel=0.1)
    assert interquartile_mean(values) < low


@given(samples.map(lambda values: [2000 + value for value in values]), st.floats(0.1, 10))
def test_a_ratio_of_proportional_pairs_is_known_exactly(values: list[float], factor: float) -> None:
    multiples = [factor * value for value in values]
    assert ratio_of_means(multiples, values) == pytest.approx(factor)
    assert ratio_interval(multiples, values) == pytest.approx((factor, factor))


def test_a_ratio_interval_agrees_with_the_delta_method() -> None:
    rng = np.random.default_rng(3)
    below = rng.normal(10, 2, 400)
    above = 0.5 * below + rng.normal(0, 1, 400)
    ratio = above.mean() / below.mean()
    half_width = 1.96 * (above - ratio * below).std(ddof=1) / np.sqrt(400) / below.mean()
    low, high = ratio_interval(above, below)
    assert ratio_of_means(above, below) == pytest.approx(ratio)
    assert (low + high) / 2 == pytest.approx(ratio, abs=0.1 * half_width)
    assert high - low == pytest.approx(2 * half_width, rel=0.1)


@given(
    st.lists(st.tuples(numbers, st.integers(1, 1000)), min_size=1, max_size=8),
)
def test_a_ratio_of_means_is_that_of_sums(pairs: list[tuple[float, int]]) -> None:
    above, below = zip(*pairs, strict=True)
    assert ratio_of_means(above, below) == pytest.approx(sum(above) / sum(below))


@pytest.mark.parametrize("above", [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [-1.0, -1.0, -1.0]])
@pytest.mark.parametrize("below", [[0.0, 0.0, 0.0], [-1.0, -2.0, -1.0]])
def test_nothing_is_small_beside_no_loss(above: list[float], below: list[float]) -> None:
    assert ratio_of_means(above, below) == np.inf
    assert np.isposinf(ratio_interval(above, below)).all()


def test_a_loss_that_may_be_none_leaves_the_ratio_open_above() -> None:
    low, high = ratio_interval([4.0, 5.0, 6.0], [-5.0, 2.0, 4.0])
    assert high == np.inf
    # the third pair is drawn three times, which gives the least ratio, with probability 1/27
    assert low == pytest.approx(6 / 4)


def test_a_ratio_of_nothing_is_nan() -> None:
    assert np.isnan(ratio_of_means([], []))


def test_a_ratio_interval_of_one_pair_is_unknown() -> None:
    assert np.isnan(ratio_interval([1.0], [2.0])).all()


strata = st.lists(st.lists(numbers, min_size=2, max_size=6), min_size=1, max_size=4)


@given(strata)
def test_every_stratum_counts_alike(values: list[list[float]]) -> None:
    expected = sum(sum(stratum) / len(stratum) for stratum in values) / len(values)
    assert mean_over_strata(*values) == pytest.approx(expected)
    low, high = mean_over_strata_interval(*values)
    assert low - 1e-9 <= expected <= high + 1e-9


@given(strata)
def test_an_estimate_over_strata_is_named(values: list[list[float]]) -> None:
    found = estimate_over_strata("x", [np.array(stratum) for stratum in values])
    assert list(found) == ["x", "x_low", "x_high"]
    assert found["x"] == mean_over_strata(*values)
    low, high = mean_over_strata_interval(*values)
    assert [found["x_low"], found["x_high"]] == [float(low), float(high)]


@pytest.mark.parametrize("values", [[], [np.array([])], [np.array([1.0]), np.array([])]])
def test_an_estimate_over_an_empty_stratum_is_unknown(values: list[FloatArray]) -> None:
    assert np.isnan(list(estimate_over_strata("x", values).values())).all()


def test_samples_of_one_place_are_drawn_together() -> None:
    values = [1.0, 5.0, 9.0, 2.0]
    low, high = paired_interval(lambda x, y: (x - y).mean(axis=-1), values, values)
    assert [float(low), float(high)] == [0.0, 0.0]
