"""The shipped models on real hourly air quality, against what needs no model."""

from itertools import islice
from pathlib import Path

from loadtest.online import Joined, air_quality, join, mean_figures, probability_figures, run, windows
from tests.unit.process_predictions.online_driver import OnlineDriver

METRICS = ("CO(GT)", "T")
HOURS = 2_000


def test_the_champion_beats_the_last_hour_and_yesterday(shared_data: Path) -> None:
    whole = air_quality(shared_data / "sensors" / "uci-air-quality" / "bom-iso-date.csv")
    series = {metric: dict(islice(whole[metric].items(), HOURS)) for metric in METRICS}
    driver, _, _ = run(OnlineDriver().rules, windows(series))
    found = join(driver)
    for metric in METRICS:
        for version in (1, 2):
            figures = mean_figures(found["next_hour", version][metric], series[metric])
            for error in ("mae", "rmse"):
                assert figures[f"model_{error}"] < 0.85 * figures[f"last_hour_{error}"], (metric, version)
                assert figures[f"model_{error}"] < 0.6 * figures[f"yesterday_{error}"], (metric, version)
    both = Joined()
    for at, metric in enumerate(METRICS):
        joined = found["unusual_hour", 1][metric]
        both.predicted |= {2 * hour + at: value for hour, value in joined.predicted.items()}
        both.came |= {2 * hour + at: value for hour, value in joined.came.items()}
    figures = probability_figures(both)
    assert figures["model_log_loss"] < figures["share_log_loss"]
    assert abs(figures["predicted_share"] - figures["unusual_share"]) < 0.01
