"""How well and how cheaply each anomaly detector does on public data: `make bench NAME=detect`.

Every detector of the registry that needs no parameters of a series, and each member of an ensemble alone:

- nab-dev, 26 labelled files of the Numenta benchmark by its published rule (`nab.py`), on the scores as they are: one
  threshold that is the best for all files, as the published results have it, and two-fold by file, where it is chosen
  on one half and reported on the other. Besides, the alarms as they come, at the detector's own threshold. Nothing else
  is fitted here; the constants of the default were chosen with all 26 files in view, those of `own_period`,
  `weekly_rhythm` and the members that the default lacks on made-up series.
- suthaharan-wsn, 8 motes with an event in 4 of them (`motes.py`): the worst of eight starting times.
- stafford-iot-mqtt, 92 bit drops in a day (`glitches.py`): besides, what the device type `environment_sensor` chooses,
  and the threshold for each device chosen on the others.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from deploy.local.paths import PROJECT
from headrace.errors import ConfigurationError
from loadtest.detector_cost import cpu_us
from loadtest.glitches import (
    DEVICE_TYPE,
    DEVICE_TYPES,
    TIMED_RUNS,
    Outcome,
    evaluate,
    judge_held_out,
    of_type,
    print_held_out,
    read_series,
)
from loadtest.glitches import Series as GlitchSeries
from loadtest.motes import Mote, MoteSeries, MotesOutcome, judge_motes, read_motes
from loadtest.nab import (
    Corpus,
    Result,
    Scores,
    cross_validate,
    read_corpus,
    read_profiles,
    read_published,
    score_corpus,
)
from loadtest.nab_rule import Profile, Tally, mark_rows, normalise, tally
from loadtest.results import spread, write
from process_readings.detect.detector import Detector
from process_readings.detect.ensemble import Ensemble
from process_readings.detect.members.by_name import MEMBERS
from process_readings.detect.registry import detector_names, make_detector
from process_readings.device_types import load_device_types

SENSORS = PROJECT.parent / "shared" / "data" / "sensors"
STATE_EVERY = 500

Make = Callable[[], Detector]


@dataclass(frozen=True)
class NabOutcome:
    """Of one profile: the best threshold for all files, two-fold by file, and the alarms as they come."""

    full: Result
    two_fold: Result
    as_shipped: Result | None


@dataclass(frozen=True)
class Data:
    """What all detectors see."""

    corpus: Corpus
    profiles: Mapping[str, Profile]
    motes: Mapping[Mote, MoteSeries]
    glitches: GlitchSeries


@dataclass(frozen=True)
class Figures:
    """Of one detector; a published one has those of nab-dev alone.

    Attributes:
        cpu_us: CPU time of judging and learning one reading of nab-dev; median, least and greatest of the runs.
        state_bytes: the largest state in nab-dev.
    """

    detector: str
    nab: dict[str, NabOutcome]
    motes: MotesOutcome | None
    glitches: Outcome | None
    cpu_us: dict[str, float] | None
    state_bytes: int | None


def contenders() -> dict[str, Make]:
    """What is compared, by the name in the table."""
    found: dict[str, Make] = {}
    for name in detector_names():
        try:
            make_detector(name)
        except ConfigurationError:
            continue  # it needs to know the series
        found[name] = lambda name=name: make_detector(name)  # type: ignore[misc]  # mypy infers no type of the default
    for name in MEMBERS:
        found[f"{name} alone"] = lambda name=name: make_detector(Ensemble.family, members=[name])  # type: ignore[misc]
    return found


def judge_nab(make: Make, corpus: Corpus, profiles: Mapping[str, Profile]) -> dict[str, NabOutcome]:
    """By profile."""
    scores: dict[str, list[float]] = {}
    alarms: dict[str, list[float]] = {}
    for name, series in corpus.items():
        detector = make()
        pairs = zip(series.values, series.times_us, strict=True)
        verdicts = [detector.observe(value, time_us) for value, time_us in pairs]
        scores[name] = [math.nan if verdict is None else verdict.score for verdict in verdicts]
        alarms[name] = [1.0 if verdict is not None and verdict.is_anomaly else math.nan for verdict in verdicts]
    return {name: _nab_outcome(corpus, scores, alarms, profile) for name, profile in profiles.items()}


def _nab_outcome(corpus: Corpus, scores: Scores, alarms: Scores | None, profile: Profile) -> NabOutcome:
    return NabOutcome(
        full=score_corpus(corpus, scores, profile),
        two_fold=cross_validate(corpus, lambda _: scores, profile),
        as_shipped=None if alarms is None else _as_shipped(corpus, alarms, profile),
    )


def _as_shipped(corpus: Corpus, alarms: Scores, profile: Profile) -> Result:
    total = Tally()
    for name, series in corpus.items():
        total += tally(mark_rows(series.timestamps, series.windows, profile), alarms[name], 1.0, profile)
    found = total.windows - total.missed
    return Result(profile.name, normalise(total, profile), (), found, total.windows, total.false_positives)


def _runs(make: Make, corpus: Corpus) -> Iterator[tuple[Detector, list[tuple[float, int]]]]:
    for series in corpus.values():
        yield make(), list(zip(series.values, series.times_us, strict=True))


def state_bytes(make: Make, corpus: Corpus) -> int:
    """The largest state that was met in nab-dev, looked at every 500 readings."""
    largest = 0
    for series in corpus.values():
        detector = make()
        for at, (value, time_us) in enumerate(zip(series.values, series.times_us, strict=True)):
            detector.observe(value, time_us)
            if at % STATE_EVERY == 0:
                largest = max(largest, len(detector.state()))
    return largest


def measure(name: str, make: Make, data: Data) -> Figures:
    """All figures of one detector."""
    return Figures(
        detector=name,
        nab=judge_nab(make, data.corpus, data.profiles),
        motes=judge_motes(make, data.motes),
        glitches=evaluate(name, lambda _: make(), data.glitches),
        cpu_us=spread([cpu_us(_runs(make, data.corpus)) for _ in range(TIMED_RUNS)]),
        state_bytes=state_bytes(make, data.corpus),
    )


def _published(name: str, data: Data) -> Figures:
    """Of a detector whose scores on nab-dev are all there is."""
    scores = read_published(name, data.corpus)
    nab = {profile: _nab_outcome(data.corpus, scores, None, each) for profile, each in data.profiles.items()}
    return Figures(f"{name} (published)", nab, None, None, None, None)


def print_table(all_figures: Sequence[Figures]) -> None:
    """A row per detector: nab-dev two-fold and in brackets with one threshold for all, motes, glitches, cost."""
    table = Table(title="Anomaly detectors on public data; nab-dev: two-fold (best for all files)")
    profiles = {"standard": "standard", "reward_low_FP_rate": "low FP", "reward_low_FN_rate": "low FN"}
    table.add_column("detector")
    others = ("as shipped", "windows, fp", "events", "late s", "false/mote", "recall", "precision", "CPU µs", "bytes")
    for column in (*profiles.values(), *others):
        table.add_column(column, justify="right")
    for one in all_figures:
        scores = [f"{one.nab[name].two_fold.score:.1f} ({one.nab[name].full.score:.1f})" for name in profiles]
        table.add_row(one.detector, *scores, *_other_cells(one))
    Console(width=170).print(table)


def _other_cells(one: Figures) -> list[str]:
    standard = one.nab["standard"]
    found = f"{standard.two_fold.detected}, {standard.two_fold.false_positives}"
    if one.motes is None or one.glitches is None or one.cpu_us is None or standard.as_shipped is None:
        return ["-", found, *["-"] * 7]
    late = one.motes.seconds_late.values()
    seen = [seconds for seconds in late if seconds is not None]
    return [
        f"{standard.as_shipped.score:.1f}",
        found,
        f"{len(seen)} of {len(late)}",
        str(max(seen, default="-")),
        str(one.motes.most_false_alarms),
        f"{one.glitches.recall:.3f}",
        f"{one.glitches.precision:.3f}",
        f"{one.cpu_us['median']:.1f}",
        str(one.state_bytes),
    ]


def main() -> None:
    """Prints the table and writes `loadtest/results/detect.json`."""
    if not SENSORS.is_dir():
        sys.exit("no ../shared/data beside this checkout: this benchmark needs its sensors folder")
    data = Data(
        corpus=read_corpus(),
        profiles=read_profiles(),
        motes=read_motes(SENSORS / "suthaharan-wsn"),
        glitches=read_series(),
    )
    figures = [measure(name, make, data) for name, make in contenders().items()]
    figures.append(_published("windowedGaussian", data))
    of_device_type = evaluate(f"of {DEVICE_TYPE}", of_type(load_device_types(DEVICE_TYPES)), data.glitches)
    held_out = judge_held_out(data.glitches)
    print_table(figures)
    print(f"{DEVICE_TYPE}: recall {of_device_type.recall:.3f}, precision {of_device_type.precision:.3f}")
    print_held_out(held_out)
    content = {
        "detectors": [asdict(one) for one in figures],
        "device_type": asdict(of_device_type),
        "held_out": asdict(held_out),
    }
    write("detect", "make bench NAME=detect", content)


if __name__ == "__main__":
    main()
