"""How good the online models of process_predictions are: `python -m loadtest.online` on a year of hourly air quality.

The rules themselves run, under the test driver and without Kafka: one final window an hour and metric in, predictions
and outcomes out, joined by id. Hyperparameters were chosen on the first half of the series; the second half is what
counts. Beside each model stands what needs none: the last hour, the same hour yesterday, and for probabilities the
share of unusual hours so far.
"""

import argparse
import csv
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median

from headrace.models.online import load_online_models
from headrace.models.records import MADE, OUTCOMES, Outcome, Prediction
from headrace.records import Window, decode, encode, headers_of, record_key
from headrace.streams.topology import Topology
from headrace.testing import TopologyDriver
from loadtest import results
from process_predictions.online.family import families
from process_predictions.online.rules import OnlineRules
from process_predictions.topology import CHANGELOG, WINDOWS, online_stage

ROOT = Path(__file__).resolve().parents[1]
AIR_QUALITY = ROOT.parent / "shared" / "data" / "sensors" / "uci-air-quality" / "bom-iso-date.csv"
MODELS = ROOT / "deploy" / "models"
MISSING = -200.0
HOUR_US = 3_600_000_000
WINDOW_US = 60_000_000
Series = Mapping[int, float]
"""Start of an hour in microseconds → its value."""


@dataclass
class Joined:
    """Predictions of one version of one model of one metric, by hour, with what came."""

    predicted: dict[int, float] = field(default_factory=dict)
    came: dict[int, float] = field(default_factory=dict)


def air_quality(path: Path) -> dict[str, dict[int, float]]:
    """Metric → hourly values; missing ones are left out."""
    series: dict[str, dict[int, float]] = defaultdict(dict)
    with path.open(encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            if not row["Date"]:
                continue
            moment = datetime.strptime(f"{row['Date']} {row['Time']}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
            start = int(moment.timestamp()) * 1_000_000
            for name, text in row.items():
                if name and name not in ("Date", "Time") and text and float(text) != MISSING:
                    series[name][start] = float(text)
    return series


def windows(series: Mapping[str, Series]) -> Iterator[Window]:
    """One final window of each hour and metric, hour by hour."""
    hours = sorted({start for values in series.values() for start in values})
    for start in hours:
        for metric, values in series.items():
            if start in values:
                value = values[start]
                yield Window(
                    "main", "air", metric, start, WINDOW_US, 1, value, value, value, 0.0, value, start, 3, final=True
                )


def run(rules: OnlineRules, records: Iterable[Window]) -> tuple[TopologyDriver, float, int]:
    """All windows through the rules; the driver, the seconds that it took, and how many windows there were."""
    driver = TopologyDriver(Topology("online", (online_stage(rules),)), partitions=1)
    count = 0
    for window in records:
        driver.send(WINDOWS, record_key(window.site, window.device), encode(window), headers_of(window))
        count += 1
    begin = time.process_time()
    while driver.process(2_000):
        driver.checkpoint()
    return driver, time.process_time() - begin, count


def join(driver: TopologyDriver) -> dict[tuple[str, int], dict[str, Joined]]:
    """(Model, version) → metric → predictions with their outcomes."""
    found: dict[tuple[str, int], dict[str, Joined]] = defaultdict(lambda: defaultdict(Joined))
    places: dict[str, tuple[Joined, int]] = {}
    for stored in driver.outputs(MADE):
        record = decode(stored.value, stored.headers)
        if isinstance(record, Prediction) and record.subject and record.event_time is not None:
            joined = found[record.model, record.version][record.subject.rpartition("/")[2]]
            joined.predicted[record.event_time] = record.score
            places[record.id] = joined, record.event_time
    for stored in driver.outputs(OUTCOMES):
        record = decode(stored.value, stored.headers)
        if isinstance(record, Outcome):
            joined, start = places[record.id]
            joined.came[start] = float(record.label)
    return found


def second_half(joined: Joined) -> list[int]:
    """The hours that count."""
    hours = sorted(joined.came)
    return hours[len(hours) // 2 :]


def mean_figures(joined: Joined, series: Series) -> dict[str, float]:
    """MAE and RMSE, in the metric's unit, of the model and of what needs none."""
    hours = second_half(joined)
    known = sorted(series)
    before = dict(zip(known[1:], known, strict=False))
    errors = [joined.predicted[hour] - joined.came[hour] for hour in hours]
    last = [series[before[hour]] - joined.came[hour] for hour in hours]
    day = 24 * HOUR_US
    yesterday = [series.get(hour - day, series[before[hour]]) - joined.came[hour] for hour in hours]
    return {
        "hours": len(hours),
        **_errors("model", errors),
        **_errors("last_hour", last),
        **_errors("yesterday", yesterday),
    }


def _errors(name: str, errors: list[float]) -> dict[str, float]:
    return {
        f"{name}_mae": mean(abs(error) for error in errors),
        f"{name}_rmse": math.sqrt(mean(error * error for error in errors)),
    }


def probability_figures(joined: Joined) -> dict[str, float]:
    """Log loss and Brier score beside the share of unusual hours so far; both `*_share` are equal if calibrated."""
    came, total, shares = 0.0, 0, {}
    for hour in sorted(joined.came):
        shares[hour] = (came + 1.0) / (total + 50.0)
        came, total = came + joined.came[hour], total + 1
    hours = second_half(joined)
    pairs = [(joined.predicted[hour], joined.came[hour]) for hour in hours]
    share = [(shares[hour], joined.came[hour]) for hour in hours]
    return {
        "hours": len(hours),
        "unusual_share": mean(y for _, y in pairs),
        "predicted_share": mean(p for p, _ in pairs),
        "model_log_loss": _log_loss(pairs),
        "share_log_loss": _log_loss(share),
        "model_brier": mean((p - y) ** 2 for p, y in pairs),
        "share_brier": mean((p - y) ** 2 for p, y in share),
    }


def _log_loss(pairs: list[tuple[float, float]]) -> float:
    return mean(-math.log(p if y else 1.0 - p) for p, y in pairs)


@dataclass
class Measured:
    """Figures by model and variant, by metric; and costs, as their names say."""

    figures: dict[str, dict[str, dict[str, float]]]
    cost: dict[str, float]


def measure(path: Path, models: Path = MODELS) -> Measured:
    """All figures."""
    series = air_quality(path)
    online = load_online_models(models)
    rules = OnlineRules(families(online), lambda model, version: "champion")
    driver, seconds, count = run(rules, windows(series))
    found = join(driver)
    figures = {
        f"{model.name}/{variant.name}": {
            metric: mean_figures(joined, series[metric]) if model.predicts == "mean" else probability_figures(joined)
            for metric, joined in found[model.name, variant.version].items()
        }
        for model in online
        for variant in model.variants
    }
    _, within_seconds, within_count = run(rules, minutes())
    cost = {
        "windows_that_close_an_hour": count,
        "us_a_window_that_closes_an_hour": seconds / count * 1e6,
        "windows_within_an_hour": within_count,
        "us_a_window_within_an_hour": within_seconds / within_count * 1e6,
        "state_bytes_a_series": max(len(record.value or b"") for record in driver.outputs(CHANGELOG)),
    }
    return Measured(figures, cost)


def minutes(metrics: int = 200, count: int = 55) -> Iterator[Window]:
    """A window each minute, within an hour."""
    for minute in range(count):
        for metric in range(metrics):
            start, value = minute * WINDOW_US, float(minute + metric)
            yield Window(
                "main", "air", f"m{metric}", start, WINDOW_US, 6, value, value, value, 0.0, value, start, 13, final=True
            )


def main() -> None:
    """Prints the tables and writes results/online.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=AIR_QUALITY, help="bom-iso-date.csv of UCI's air quality")
    arguments = parser.parse_args()
    found = measure(arguments.data)
    print(table(found))
    path = results.write("online", "python -m loadtest.online", asdict(found))
    print(f"written to {path.relative_to(ROOT)}")


def table(found: Measured) -> str:
    """The figures as text: ratios below 1 are better than without a model."""
    lines = []
    for name, metrics in found.figures.items():
        first = "model_mae" in next(iter(metrics.values()))
        wanted = ("mae", "rmse") if first else ("log_loss", "brier")
        bases = ("last_hour", "yesterday") if first else ("share",)
        columns = [f"{what}/{base}" for base in bases for what in wanted]
        lines += ["", f"{name:<26}" + "".join(f"{column:>19}" for column in columns)]
        rows = {
            metric: [values[f"model_{what}"] / values[f"{base}_{what}"] for base in bases for what in wanted]
            for metric, values in metrics.items()
        }
        rows |= {"median": [median(row[at] for row in rows.values()) for at in range(len(columns))]}
        lines += [f"  {metric:<24}" + "".join(f"{ratio:>19.3f}" for ratio in row) for metric, row in rows.items()]
    lines += ["", *(f"{what.replace('_', ' ')}: {value:,.0f}" for what, value in found.cost.items())]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
