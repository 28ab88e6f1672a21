"""The Numenta Anomaly Benchmark's files, and two-fold cross-validation of any detector on them.

A detector is judged by the scores that it gives each row: `score_corpus` chooses the one threshold for all files as the
published results do, on the files that it is then reported on; `cross_validate` chooses it on one half of the files and
reports on the other, both ways. The rule itself is in `nab_rule.py`.

Source: A. Lavin and S. Ahmad, "Evaluating Real-time Anomaly Detection Algorithms: the Numenta Anomaly Benchmark"
(2015), and the repository numenta/NAB, version 1.1 (`runner.py`, `optimizer.py`, `sweeper.py`).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.paths import PROJECT
from loadtest.nab_rule import MarkedRow, Profile, Tally, best_threshold, mark_rows, normalise, tally

DATA = PROJECT.parent / "shared" / "data" / "sensors" / "nab-dev"

Scores = Mapping[str, Sequence[float]]
"""By a file's name the score of each of its rows; the greater, the more anomalous."""
Corpus = Mapping[str, "Series"]
"""The files by name (`realTraffic/speed_6005.csv`), sorted by it."""
ScoresFor = Callable[[Sequence[str]], Scores]
"""Given the names of the files that may be fitted to, the scores of all files."""


@dataclass(frozen=True)
class Series:
    """One file.

    Attributes:
        timestamps: as the file has them, local times without a zone.
        times_us: the same, taken for UTC, in microseconds.
        windows: first and last timestamp of each labelled window, as in the file.
    """

    name: str
    timestamps: Sequence[str]
    times_us: Sequence[int]
    values: Sequence[float]
    windows: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Result:
    """A detector's score on a profile: 0 for one that says nothing, 100 for one that finds each window at its start.

    Attributes:
        thresholds: the one, or that of each fold.
        detected: windows with a detection, of `windows`.
        false_positives: rows outside windows that are detections.
    """

    profile: str
    score: float
    thresholds: tuple[float, ...]
    detected: int
    windows: int
    false_positives: int


def read_corpus(data: Path = DATA) -> dict[str, Series]:
    """All files that `labels/combined_windows*.json` names."""
    (labels,) = (data / "labels").glob("combined_windows*.json")
    windows: dict[str, list[list[str]]] = json.loads(labels.read_text(encoding="utf-8"))
    return {name: _read_series(data, name, windows[name]) for name in sorted(windows)}


def _read_series(data: Path, name: str, windows: list[list[str]]) -> Series:
    with (data / "data" / name).open(encoding="utf-8", newline="") as lines:
        rows = [(row["timestamp"], float(row["value"])) for row in csv.DictReader(lines)]
    timestamps = [timestamp for timestamp, _ in rows]
    return Series(
        name=name,
        timestamps=timestamps,
        times_us=[_microseconds(timestamp) for timestamp in timestamps],
        values=[value for _, value in rows],
        windows=[(_as_in_file(first), _as_in_file(last)) for first, last in windows],
    )


def _microseconds(timestamp: str) -> int:
    return round(datetime.fromisoformat(timestamp).replace(tzinfo=UTC).timestamp()) * 1_000_000


def _as_in_file(timestamp: str) -> str:
    """Labels have six decimals that the data has not; all of them are zero."""
    return timestamp.removesuffix(".000000")


def read_profiles(data: Path = DATA) -> dict[str, Profile]:
    """`config/profiles.json`: standard, reward_low_FP_rate, reward_low_FN_rate."""
    content = json.loads((data / "config" / "profiles.json").read_text(encoding="utf-8"))
    return {name: _profile(name, entry["CostMatrix"]) for name, entry in content.items()}


def _profile(name: str, weights: Mapping[str, float]) -> Profile:
    return Profile(name, weights["tpWeight"], weights["fpWeight"], weights["fnWeight"])


def read_published(detector: str, corpus: Corpus, data: Path = DATA) -> dict[str, list[float]]:
    """The scores of `published/<detector>`."""
    scores = {}
    for name in corpus:
        with (data / "published" / detector / name).open(encoding="utf-8", newline="") as lines:
            scores[name] = [float(row["anomaly_score"]) for row in csv.DictReader(lines)]
    return scores


def score_corpus(corpus: Corpus, scores: Scores, profile: Profile) -> Result:
    """By the published rule: one threshold for all files, the best for these same files."""
    marked = _mark(corpus, profile)
    threshold = best_threshold([(marked[name], scores[name]) for name in corpus], profile)
    return _result([(threshold, list(corpus))], marked, [scores], profile)


def folds(corpus: Corpus) -> tuple[list[str], list[str]]:
    """Two halves by file: alternate files of the sorted list, so that each kind of series is in both."""
    names = sorted(corpus)
    return names[::2], names[1::2]


def cross_validate(corpus: Corpus, scores_for: ScoresFor, profile: Profile) -> Result:
    """Two-fold by file: what was fitted to one half is reported on the other; the score is of both reports together.

    Args:
        scores_for: for a detector without anything fitted a function that gives the same scores whatever the files.
    """
    marked = _mark(corpus, profile)
    reports, scores = [], []
    halves = folds(corpus)
    for fitted_to, reported_on in (halves, halves[::-1]):
        fitted = scores_for(fitted_to)
        threshold = best_threshold([(marked[name], fitted[name]) for name in fitted_to], profile)
        reports.append((threshold, reported_on))
        scores.append(fitted)
    return _result(reports, marked, scores, profile)


def _mark(corpus: Corpus, profile: Profile) -> dict[str, list[MarkedRow]]:
    return {name: mark_rows(series.timestamps, series.windows, profile) for name, series in corpus.items()}


def _result(
    reports: Sequence[tuple[float, Sequence[str]]],
    marked: Mapping[str, Sequence[MarkedRow]],
    scores: Sequence[Scores],
    profile: Profile,
) -> Result:
    """Of files, each at the threshold and with the scores of its report."""
    total = Tally()
    for (threshold, names), of_report in zip(reports, scores, strict=True):
        for name in names:
            total += tally(marked[name], of_report[name], threshold, profile)
    return Result(
        profile=profile.name,
        score=normalise(total, profile),
        thresholds=tuple(threshold for threshold, _ in reports),
        detected=total.windows - total.missed,
        windows=total.windows,
        false_positives=total.false_positives,
    )
