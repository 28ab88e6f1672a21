"""The seasonal forecast where its first season says little."""

import pytest

from process_readings.detect.holt_winters import HoltWinters


@pytest.mark.parametrize(
    "season",
    [[0.0] * 4, [1.0, -1.0, 2.0, -2.0], [1e90, -1e90, 5e-324, 0.0], [5e-324, 0.0, 0.0, 0.0]],
    ids=["all zero", "zero on average", "large ones that cancel", "smallest"],
)
def test_a_first_season_that_averages_zero_is_learned_all_the_same(season: list[float]) -> None:
    detector = HoltWinters(period=4)
    verdicts = [detector.observe(value + at % 3 * 0.01, 0) for at, value in enumerate(season * 200)]
    assert verdicts[-1] is not None and not verdicts[-1].is_anomaly
    jump = detector.observe(1e95, 0)
    assert jump is not None and jump.is_anomaly
