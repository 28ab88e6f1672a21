"""How well and how fast detectors find the bit drops in a day of real readings: `make bench NAME=glitches`.

Three Raspberry Pis sent 50,270 messages in 24 h. In 92 of the temperature and humidity readings one or more bits were
lost, each a multiple of 3.2; `derived_glitch_labels.csv` lists them. Every series goes through a detector of its own,
as in process_readings. The device type `environment_sensor` has one for such sensors, whose threshold is also chosen
for each device from the others', to see whether it is fitted to one of them.
"""

from __future__ import annotations

import csv
import json
import sys
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy.local.paths import PROJECT
from loadtest.detector_cost import cpu_us
from loadtest.results import spread, write
from process_readings.detect.detector import Detector
from process_readings.detect.registry import DEFAULT_DETECTOR, make_detector
from process_readings.device_types import DeviceTypes, load_device_types

DEVICE_TYPES = PROJECT / "deploy" / "device_types.yaml"
DEVICE_TYPE = "environment_sensor"
DATA = PROJECT.parent / "shared" / "data" / "sensors" / "stafford-iot-mqtt"
LABELLED_FIELDS = ("humidity", "temp")
RANGES = {"temp": (-40.0, 125.0), "humidity": (0.0, 100.0)}
DAYS = 1.0
TIMED_RUNS = 3
THRESHOLDS = range(6, 41)
"""From which that of the robust level is chosen; it is 8 unless named."""
_ALL_BITS = [2**bit / 10 for bit in range(3, 9)]

MakeDetector = Callable[[str], Detector]
"""Makes a detector for a field."""


@dataclass(frozen=True)
class Point:
    """One reading; `is_glitch` is its label."""

    time_us: int
    value: float
    is_glitch: bool


Series = dict[tuple[str, str], list[Point]]
"""Points in arrival order by device and field."""


@dataclass(frozen=True)
class Outcome:
    """What one detector found.

    Attributes:
        recall, precision: over (device, time, field) of temperature and humidity, by the labels as they are.
        false_alarms: alarms on temperature and humidity that no label explains.
        unlabelled_dips: those of them where one reading is a single bit of 0.8 or more below two equal neighbours: bit
            drops of a size that the labels leave out (below 3.2), or that they missed.
        false_alarms_per_series_day: false_alarms by series and day.
        other_alarms: alarms on co, lpg and smoke, where nothing is labelled.
        cpu_us: CPU time of one reading; median, least and greatest of the runs.
    """

    detector: str
    recall: float
    precision: float
    alarms: int
    false_alarms: int
    unlabelled_dips: int
    false_alarms_per_series_day: float
    other_alarms: int | None
    cpu_us: dict[str, float]


@dataclass(frozen=True)
class HeldOut:
    """Each device judged with the threshold that is best for the others.

    Attributes:
        thresholds: by the device that was left out.
        recall, precision: by it too, of those that have glitches.
        total_recall, total_precision: of all devices together.
    """

    thresholds: dict[str, float]
    recall: dict[str, float]
    precision: dict[str, float]
    total_recall: float
    total_precision: float


@dataclass(frozen=True)
class Count:
    """What was found in some series."""

    hits: int = 0
    alarms: int = 0
    glitches: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.hits + other.hits, self.alarms + other.alarms, self.glitches + other.glitches)

    @property
    def recall(self) -> float:
        """Share of the glitches that were found."""
        return self.hits / self.glitches

    @property
    def precision(self) -> float:
        """Share of the alarms that are glitches; 0 of none."""
        return self.hits / self.alarms if self.alarms else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and precision."""
        return 2 * self.hits / max(1, self.alarms + self.glitches)


def read_series(data: Path = DATA) -> Series:
    """The numeric readings of the data set with their labels; the one exact repeat is left out, as it is live."""
    with (data / "derived_glitch_labels.csv").open(encoding="utf-8") as lines:
        labels = {(row["device"], float(row["ts"]), row["field"]) for row in csv.DictReader(lines)}
    with zipfile.ZipFile(data / "sample_data" / "raw_data_xlarge.json.zip") as archive:
        messages = json.loads(archive.read("raw_data_xlarge.json"))
    series: Series = {}
    seen = set()
    for message in messages:
        device, sent = message["device"], message["ts"]
        if (device, sent) in seen:
            continue
        seen.add((device, sent))
        for field, value in message["data"].items():
            if not isinstance(value, bool):
                point = Point(round(sent * 1e6), value, (device, sent, field) in labels)
                series.setdefault((device, field), []).append(point)
    return series


def evaluate(name: str, make: MakeDetector, series: Series, timed_runs: int = TIMED_RUNS) -> Outcome:
    """Streams all series, each through its own detector, and compares the alarms with the labels."""
    labelled = _labelled(series)
    alarms = {key: _alarms(make(key[1]), points) for key, points in labelled.items()}
    total = sum((_count(points, alarms[key]) for key, points in labelled.items()), Count())
    false_alarms = total.alarms - total.hits
    return Outcome(
        detector=name,
        recall=total.recall,
        precision=total.precision,
        alarms=total.alarms,
        false_alarms=false_alarms,
        unlabelled_dips=sum(_is_unlabelled_dip(labelled[key], at) for key, found in alarms.items() for at in found),
        false_alarms_per_series_day=false_alarms / len(labelled) / DAYS,
        other_alarms=_other_alarms(make, series),
        cpu_us=spread([cpu_us(_runs(make, labelled)) for _ in range(timed_runs)]),
    )


def judge_held_out(series: Series, thresholds: Iterable[int] = THRESHOLDS) -> HeldOut:
    """For each device that of the robust level's thresholds with the best F1 on the others, of equals the least."""
    labelled = _labelled(series)
    counts = {threshold: _counts_by_device(threshold, labelled) for threshold in thresholds}
    devices = sorted({device for device, _ in labelled})
    chosen = {device: _best_threshold(counts, [each for each in devices if each != device]) for device in devices}
    found = {device: counts[threshold][device] for device, threshold in chosen.items()}
    total = sum(found.values(), Count())
    return HeldOut(
        thresholds={device: float(threshold) for device, threshold in chosen.items()},
        recall={device: count.recall for device, count in found.items() if count.glitches},
        precision={device: count.precision for device, count in found.items() if count.glitches},
        total_recall=total.recall,
        total_precision=total.precision,
    )


def _counts_by_device(threshold: int, labelled: Series) -> dict[str, Count]:
    counts: dict[str, Count] = {}
    for (device, _), points in labelled.items():
        found = _alarms(make_detector("robust_level", threshold=threshold), points)
        counts[device] = counts.get(device, Count()) + _count(points, found)
    return counts


def _best_threshold(counts: Mapping[int, Mapping[str, Count]], devices: Collection[str]) -> int:
    f1 = {threshold: sum((found[each] for each in devices), Count()).f1 for threshold, found in counts.items()}
    return max(sorted(f1), key=f1.__getitem__)


def _labelled(series: Series) -> Series:
    return {key: points for key, points in series.items() if key[1] in LABELLED_FIELDS}


def _count(points: list[Point], alarms: list[int]) -> Count:
    return Count(sum(points[at].is_glitch for at in alarms), len(alarms), sum(point.is_glitch for point in points))


def _runs(make: MakeDetector, series: Series) -> Iterator[tuple[Detector, list[tuple[float, int]]]]:
    for (_, field), points in series.items():
        yield make(field), [(point.value, point.time_us) for point in points]


def _alarms(detector: Detector, points: list[Point]) -> list[int]:
    """Positions of the readings that are anomalies."""
    found = []
    for at, point in enumerate(points):
        verdict = detector.observe(point.value, point.time_us)
        if verdict is not None and verdict.is_anomaly:
            found.append(at)
    return found


def _other_alarms(make: MakeDetector, series: Series) -> int | None:
    others = {key: points for key, points in series.items() if key[1] not in LABELLED_FIELDS}
    try:
        return sum(len(_alarms(make(field), points)) for (_, field), points in others.items())
    except KeyError:
        # The detector needs a range, and these fields have none worth the name.
        return None


def _is_unlabelled_dip(points: list[Point], at: int) -> bool:
    if points[at].is_glitch or not 0 < at < len(points) - 1:
        return False
    before, value, after = (point.value for point in points[at - 1 : at + 2])
    drop = (before + after) / 2 - value
    return abs(before - after) < 0.35 and any(abs(drop - bit) < 0.2 for bit in _ALL_BITS)


def of_type(types: DeviceTypes, name: str = DEVICE_TYPE) -> MakeDetector:
    """The detectors that a device of this type gets."""

    def make(field: str) -> Detector:
        rule = types.rule(name, field)
        return make_detector(rule.detector, **rule.parameters)

    return make


def detectors() -> dict[str, MakeDetector]:
    """That of the device type, and all of the registry; half-space trees get the physical range of the field."""

    def half_space_trees(field: str) -> Detector:
        low, high = RANGES[field]
        return make_detector("half_space_trees", low=low, high=high)

    return {
        f"of {DEVICE_TYPE}": of_type(load_device_types(DEVICE_TYPES)),
        DEFAULT_DETECTOR: lambda field: make_detector(),
        "robust_level": lambda field: make_detector("robust_level"),
        "holt_winters": lambda field: make_detector("holt_winters"),
        "half_space_trees": half_space_trees,
    }


def print_table(outcomes: list[Outcome]) -> None:
    """A row per detector."""
    table = Table(title="Bit-drop glitches of 24 h of three devices (temperature and humidity)")
    columns = ("recall", "precision", "alarms", "false", "of which dips", "false/series/day", "other alarms", "CPU µs")
    for column in ("detector", *columns):
        table.add_column(column, justify="left" if column == "detector" else "right")
    for one in outcomes:
        table.add_row(
            one.detector,
            f"{one.recall:.3f}",
            f"{one.precision:.3f}",
            str(one.alarms),
            str(one.false_alarms),
            str(one.unlabelled_dips),
            f"{one.false_alarms_per_series_day:.1f}",
            "-" if one.other_alarms is None else str(one.other_alarms),
            f"{one.cpu_us['median']:.2f}",
        )
    Console(width=120).print(table)


def print_held_out(found: HeldOut) -> None:
    """A line per device and one of all."""
    print("Each device with the robust level's threshold that is best for the others:")
    for device, threshold in found.thresholds.items():
        has_glitches = device in found.recall
        figures = f"recall {found.recall[device]:.3f}, precision {found.precision[device]:.3f}" if has_glitches else "-"
        print(f"  {device}: threshold {threshold:g}, {figures}")
    print(f"  all: recall {found.total_recall:.3f}, precision {found.total_precision:.3f}")


def main() -> None:
    """Prints the table and writes `loadtest/results/glitches.json`."""
    if not DATA.is_dir():
        sys.exit("no ../shared/data beside this checkout: this benchmark needs stafford-iot-mqtt there")
    series = read_series()
    outcomes = [evaluate(name, make, series) for name, make in detectors().items()]
    held_out = judge_held_out(series)
    print_table(outcomes)
    print_held_out(held_out)
    content = {"detectors": [asdict(outcome) for outcome in outcomes], "held_out": asdict(held_out)}
    write("glitches", "make bench NAME=glitches", content)


if __name__ == "__main__":
    main()
