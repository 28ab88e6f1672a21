"""What is remembered of a series: past periods, and the errors of forecasts."""

import random
from math import log

import pytest

from process_predictions.online.history import History
from process_predictions.online.spread import Spread
from tests.unit.process_predictions.online_driver import MONDAY


def history(values: dict[int, float]) -> History:
    made = History(24, 3_600)
    for hour, value in values.items():
        made.take(MONDAY + hour, value)
    return made


def test_features_are_changes_and_levels_of_past_hours() -> None:
    made = history({hour: float(hour * hour) for hour in range(50)})
    features = made.features(MONDAY + 50)
    assert features["change_1"] == 49**2 - 48**2
    assert features["change_2"] == 48**2 - 47**2
    assert features["change_season"] == 26**2 - 25**2
    assert features["level_season"] == 26**2 - 49**2
    assert (features["sin"], features["cos"]) == pytest.approx((0.5, 3**0.5 / 2))


def test_the_usual_day_is_an_average_that_moves_slowly() -> None:
    made = history({hour: 10.0 for hour in range(48)} | {48: 20.0})
    # The usual value of the first hour moved from 10 by a tenth of the way to 20.
    assert made.features(MONDAY + 73)["level_profile"] == pytest.approx(11.0 - 20.0)
    assert made.features(MONDAY + 73)["change_profile"] == pytest.approx(10.0 - 11.0)


def test_weekends_have_a_usual_day_of_their_own() -> None:
    week = {hour: 50.0 if hour >= 5 * 24 else 10.0 for hour in range(7 * 24)}
    made = history(week)
    assert made.features(MONDAY + 7 * 24 + 5)["level_profile"] == 10.0 - 50.0
    made = history(week | {hour: 10.0 for hour in range(7 * 24, 12 * 24)})
    assert made.features(MONDAY + 12 * 24 + 5)["level_profile"] == 50.0 - 10.0


def test_hours_of_a_gap_are_not_known() -> None:
    made = history({hour: float(hour) for hour in range(40)})
    features = made.features(MONDAY + 60)
    assert features["change_1"] == features["change_2"] == 0.0
    assert features["level_season"] == 36.0 - 39.0, "the same hour yesterday is known"
    assert features["change_season"] == 1.0
    assert made.features(MONDAY + 70)["level_season"] == 0.0


def test_scale_is_the_root_mean_square_of_changes() -> None:
    assert history({0: 5.0}).scale == 1.0
    made = history({hour: 3.0 * (hour % 2) for hour in range(20)})
    assert made.scale == pytest.approx(3.0)


def test_restored_history_and_spread_are_the_same_to_the_bit() -> None:
    numbers = random.Random(1)
    made, spread = History(24, 3_600), Spread(24, 0.02)
    for hour in range(MONDAY, MONDAY + 200):
        if numbers.random() < 0.9:
            made.take(hour, numbers.gauss(10, 2))
            spread.take(hour % 24, abs(numbers.gauss(0, 1)))
        history_again, spread_again = History(24, 3_600), Spread(24, 0.02)
        history_again.restore(made.pack())
        spread_again.restore(spread.pack())
        assert history_again.pack() == made.pack() and spread_again.pack() == spread.pack()
        assert spread_again.base == spread.base
        assert history_again.scale == made.scale
        if not made.is_empty:
            assert history_again.features(hour + 1) == made.features(hour + 1)
    assert spread.base != 0.02


def test_state_of_another_season_is_refused() -> None:
    with pytest.raises(ValueError, match="no history of a season of 12"):
        History(12, 3_600).restore(history({0: 1.0}).pack())
    with pytest.raises(ValueError, match="no spread of 12 slots"):
        Spread(12, 0.02).restore(Spread(24, 0.02).pack())


def test_the_bound_is_the_quantile_of_the_errors() -> None:
    numbers = random.Random(2)
    spread = Spread(24, 0.02)
    came = []
    for hour in range(6_000):
        error = numbers.expovariate(1 / 3.0)
        came.append(spread.is_warm and spread.is_unusual(error))
        spread.take(hour % 24, error)
    assert sum(came[1_000:]) / 5_000 == pytest.approx(0.02, abs=0.004)
    at = -3.0 * log(0.02)
    assert spread.is_unusual(at * 1.4) and not spread.is_unusual(at * 0.7)


def test_tail_says_how_probable_the_bound_is_to_be_passed() -> None:
    calm, wild = Spread(24, 0.02), Spread(24, 0.02)
    for hour in range(200):
        for spread, size in ((calm, 1.0), (wild, 1.0 if hour < 195 else 3.0)):
            spread.take(hour % 24, size)
    assert wild.features(8)["tail"] > calm.features(8)["tail"]
    assert calm.features(8)["recent_errors"] == pytest.approx(0.0, abs=1e-6)
    assert wild.features(8)["recent_errors"] > 0.5
