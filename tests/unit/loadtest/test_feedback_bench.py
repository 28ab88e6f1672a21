"""How the benchmark of feedback answers the first half of a file and counts the second."""

import random
from collections.abc import Iterable

from loadtest.feedback import Tally, alarms, judge
from loadtest.nab import Series
from process_readings.detect.robust_level import RobustLevel
from process_readings.feedback import SeriesFeedback

ROWS = 800
MODERATE, GREAT = 26.0, 90.0


def series(spikes: dict[int, float], windows: Iterable[tuple[int, int]] = ()) -> Series:
    rng = random.Random(6)
    values = [spikes.get(at, rng.gauss(20.0, 0.5)) for at in range(ROWS)]
    names = [str(at) for at in range(ROWS)]
    bounds = [(names[first], names[last]) for first, last in windows]
    return Series("made", names, [at * 300_000_000 for at in range(ROWS)], values, bounds)


def test_only_the_second_half_counts_and_no_window_of_both() -> None:
    made = series({}, [(100, 110), (395, 405), (500, 510), (600, 610)])
    found = judge(made, [50, 105, 300, 404, 499, 505, 508, 700, 701])
    assert found == Tally(false_alarms=3, found=1, windows=2)


def test_false_alarms_of_the_first_half_quieten_the_second() -> None:
    made = series({**dict.fromkeys(range(150, 400, 60), MODERATE), 600: MODERATE - 0.2, 700: GREAT})
    feedback = SeriesFeedback("robust_level")
    assert judge(made, list(alarms(made, RobustLevel()))).false_alarms == 2
    assert judge(made, list(alarms(made, RobustLevel(), feedback))).false_alarms == 1
    assert feedback.steps > 0


def test_nobody_answers_in_the_second_half() -> None:
    feedback = SeriesFeedback("robust_level")
    made = series(dict.fromkeys(range(410, 800, 40), GREAT))
    assert list(alarms(made, RobustLevel(), feedback))
    assert feedback.steps == 0


def test_alarms_in_labelled_windows_are_answered_as_true() -> None:
    feedback = SeriesFeedback("robust_level")
    list(alarms(series({200: GREAT, 300: GREAT}, [(195, 205), (295, 305)]), RobustLevel(), feedback))
    assert feedback.steps == -2
