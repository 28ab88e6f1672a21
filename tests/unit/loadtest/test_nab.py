"""The Numenta benchmark's score, by hand on ten rows and as published on its files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from loadtest.nab import (
    Scores,
    Series,
    cross_validate,
    folds,
    read_corpus,
    read_profiles,
    read_published,
    score_corpus,
)
from loadtest.nab_rule import (
    Profile,
    best_threshold,
    mark_rows,
    normalise,
    probation_rows,
    scaled_sigmoid,
    tally,
)

STANDARD = Profile("standard", 1.0, 0.11, 1.0)
TIMES = [f"t{row:02}" for row in range(20)]
WINDOW = ("t08", "t11")
FIRST_OF_WINDOW = 1.0
QUIET = [0.0] * 20


def scores(**at: float) -> list[float]:
    """Of 20 rows, all 0 but those named (`t08=1.0`)."""
    return [at.get(time, 0.0) for time in TIMES]


def raw(found: Sequence[float], windows: Sequence[tuple[str, str]] = (WINDOW,)) -> float:
    return tally(mark_rows(TIMES, windows, STANDARD), found, 1.0, STANDARD).score


def series(name: str, windows: Sequence[tuple[str, str]] = (WINDOW,)) -> Series:
    return Series(name, TIMES, range(20), QUIET, windows)


@pytest.mark.parametrize(("rows", "probation"), [(20, 3), (4999, 749), (5000, 750), (22_695, 750), (0, 0)])
def test_probation_is_15_percent_of_at_most_5000_rows(rows: int, probation: int) -> None:
    assert probation_rows(rows) == probation


@pytest.mark.parametrize(
    ("position", "worth"), [(-1.0, 0.98661), (-0.5, 0.84828), (0.0, 0.0), (1.0, -0.98661), (3.0, -1.0), (1e9, -1.0)]
)
def test_worth_falls_from_a_windows_start_to_well_after_it(position: float, worth: float) -> None:
    # The values that the comments of NAB's sweeper.py give.
    assert scaled_sigmoid(position) == pytest.approx(worth, abs=5e-6)


def test_a_window_without_a_detection_costs_a_false_negative() -> None:
    assert raw(QUIET) == -1.0


def test_a_detection_in_a_windows_first_row_is_worth_a_true_positive() -> None:
    assert raw(scores(t08=1.0)) == pytest.approx(FIRST_OF_WINDOW)


def test_a_later_detection_is_worth_less() -> None:
    # Row 10 is the third of four: position -(11 - 10 + 1) / 4.
    assert raw(scores(t10=1.0)) == pytest.approx(0.84828 / 0.98661, abs=1e-5)


def test_the_last_row_of_a_window_is_still_worth_something() -> None:
    assert raw(scores(t11=1.0)) == pytest.approx((2.0 / (1.0 + math.exp(-1.25)) - 1.0) / 0.98661, abs=1e-5)


def test_only_the_first_detection_in_a_window_counts() -> None:
    assert raw(scores(t08=1.0, t09=1.0, t11=2.0)) == pytest.approx(FIRST_OF_WINDOW)


def test_a_detection_before_all_windows_costs_a_whole_false_positive() -> None:
    assert raw(scores(t05=1.0)) == pytest.approx(-1.0 - 0.11)


def test_a_detection_soon_after_a_window_costs_less() -> None:
    # One row after a window of four: position 1 / 3.
    assert raw(scores(t12=1.0)) == pytest.approx(-1.0 + 0.11 * (2.0 / (1.0 + math.exp(5.0 / 3.0)) - 1.0))


def test_every_false_positive_counts() -> None:
    assert raw(scores(t05=1.0, t06=1.0, t07=3.0)) == pytest.approx(-1.0 - 0.33)


def test_detections_in_probation_do_not_count() -> None:
    assert raw(scores(t00=1.0, t02=1.0)) == -1.0


def test_a_nan_is_no_detection() -> None:
    assert raw(scores(t05=math.nan)) == -1.0


def test_a_window_ends_in_the_first_row_with_its_last_time() -> None:
    times = [*TIMES[:12], "t11", "t11", *TIMES[14:]]
    windows = [row.window for row in mark_rows(times, [WINDOW], STANDARD)]
    assert windows[5:9] == [0, 0, 0, 0]
    assert windows[9] is None


def test_the_threshold_is_the_best_of_all_files_together() -> None:
    marked = mark_rows(TIMES, [WINDOW], STANDARD)
    files = [(marked, scores(t08=0.6)), (marked, scores(t08=0.5, t05=0.9)), (marked, scores(t04=0.4))]
    assert best_threshold(files, STANDARD) == 0.5


def test_of_equal_thresholds_the_one_that_finds_least() -> None:
    files = [(mark_rows(TIMES, [WINDOW], STANDARD), scores(t08=0.9, t09=0.5))]
    assert best_threshold(files, STANDARD) == 0.9


def test_no_threshold_pays_where_there_is_nothing_to_find() -> None:
    assert best_threshold([(mark_rows(TIMES, [], STANDARD), scores(t05=1.0))], STANDARD) == math.inf


def test_nothing_found_is_0_and_all_found_at_once_is_100() -> None:
    rows = mark_rows(TIMES, [WINDOW], STANDARD)
    low_fn = Profile("low_FN", 1.0, 0.11, 2.0)
    for profile in (STANDARD, low_fn):
        assert normalise(tally(rows, QUIET, 1.0, profile), profile) == 0.0
        assert normalise(tally(rows, scores(t08=1.0), 1.0, profile), profile) == pytest.approx(100.0)


def test_folds_are_alternate_files_of_the_sorted_list() -> None:
    assert folds({name: series(name) for name in "dacb"}) == (["a", "c"], ["b", "d"])


def test_cross_validation_reports_each_half_with_what_the_other_gave() -> None:
    corpus = {name: series(name) for name in "ab"}
    asked = []

    def scores_for(names: Sequence[str]) -> Scores:
        asked.append(list(names))
        return {"a": scores(t08=0.5), "b": scores(t08=0.8, t05=0.6, t06=0.6)}

    result = cross_validate(corpus, scores_for, STANDARD)
    assert asked == [["a"], ["b"]]
    assert result.thresholds == (0.5, 0.8)
    # "b" at "a"'s 0.5: found, with two false positives. "a" at "b"'s 0.8: missed.
    assert (result.detected, result.windows, result.false_positives) == (1, 2, 2)
    assert result.score == pytest.approx(100.0 * (1.0 - 0.22 - 1.0 + 2.0) / 4.0)


def test_windowed_gaussian_gets_its_score(shared_data: Path) -> None:
    """48.2 is known of these 26 files; the other two follow from the same raw scores."""
    data = shared_data / "sensors" / "nab-dev"
    corpus = read_corpus(data)
    found = read_published("windowedGaussian", corpus, data)
    results = {profile.name: score_corpus(corpus, found, profile) for profile in read_profiles(data).values()}
    assert {name: result.score for name, result in results.items()} == {
        "standard": pytest.approx(48.2, abs=0.05),
        "reward_low_FP_rate": pytest.approx(38.7, abs=0.05),
        "reward_low_FN_rate": pytest.approx(58.0, abs=0.05),
    }
    assert results["standard"].windows == 40
