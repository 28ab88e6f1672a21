"""Trainings on a replayed topic, as `headrace models train` does them: what each part takes, and how much memory.

Two ways to learn from more readings than fit in memory: `events`, where each reading counts in the features and labels
of devices' minutes, and `sample`, where each is a row, of which a fixed number is drawn.
`replay_snapshot` starts each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.replay.ranges import find_ranges
from train_models.choice.progress import NoProgress
from train_models.model_file import ModelFile
from train_models.registry.mlflow_registry import Registry
from train_models.settings import Settings
from train_models.train import Trainer

SAMPLE = 200_000
"""Rows that are drawn: trained and judged on."""
_TEMPERATURE = {"where": {"metric": "temperature"}}
_HUMIDITY = {"where": {"metric": "humidity"}}
_EVENTS: Mapping[str, Any] = {
    "data": {
        "label": "next_mean",
        "events": {
            "entity": "device",
            "time": "time",
            "cuts": {"every": "1m"},
            "seen_within": "1m",
            "features": {
                "mean": {"mean": "value", "within": "1m", **_TEMPERATURE},
                "greatest": {"max": "value", "within": "1m", **_TEMPERATURE},
                "humidity": {"mean": "value", "within": "1m", **_HUMIDITY},
                "mean_5m": {"mean": "value", "within": "5m", **_TEMPERATURE},
            },
            "label": {"mean": "value", "within": "1m", **_TEMPERATURE},
        },
    },
    "inputs": dict.fromkeys(("mean", "greatest", "humidity", "mean_5m"), "number"),
}
_SAMPLE: Mapping[str, Any] = {
    "data": {"label": "value", "group": "device", "sample": SAMPLE},
    "inputs": {"metric": "category", "time": "time"},
}
KINDS: Mapping[str, Mapping[str, Any]] = {"events": _EVENTS, "sample": _SAMPLE}
"""The next minute's mean temperature of a device; and a value from its metric and time."""


class Parts(NoProgress):
    """When a training has read the last record, and when it has its rows; the process' greatest memory by then."""

    def __init__(self) -> None:
        self._read: tuple[float, float] | None = None
        self._prepared: tuple[float, float] | None = None
        self._began = time.monotonic()

    def start(self, total: int, what: str) -> None:
        """The first part after the rows begins when they are made or drawn, loaded and looked through."""
        if self._read is not None and self._prepared is None:
            self._prepared = self._now()

    def advance(self, what: str, best: float | None) -> None:
        """Steps before the choice are blocks of records."""
        if self._prepared is None:
            self._read = self._now()

    def figures(self, rows: int) -> dict[str, float]:
        """Seconds of each part, and of the whole the rows a second; to be asked at the end."""
        end = self._now()
        if self._read is None or self._prepared is None:
            raise SystemExit("the training told of no rows")
        return {
            "rows_per_second": rows / end[0],
            "replay_rows_per_second": rows / self._read[0],
            "training_rows_per_second": rows / (end[0] - self._read[0]),
            "replay_seconds": self._read[0],
            "make_rows_and_check_seconds": self._prepared[0] - self._read[0],
            "choose_and_register_seconds": end[0] - self._prepared[0],
            "peak_mib_of_replay": self._read[1],
            "peak_mib_of_rows_and_check": self._prepared[1],
            "peak_mib_of_all": end[1],
        }

    def _now(self) -> tuple[float, float]:
        return time.monotonic() - self._began, _peak_mib()


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def model_of(kind: str, topic: str, to_offsets: Mapping[int, int]) -> ModelFile:
    """Two candidates beside the baselines, judged on devices that they were not fitted on."""
    spec = KINDS[kind]
    return ModelFile.model_validate(
        {
            "name": f"bench_{kind}",
            "task": "regression",
            "data": {"topic": {"name": topic, "to_offsets": to_offsets}, **spec["data"]},
            "inputs": spec["inputs"],
            "validation": {"folds": 3},
            "candidates": [{"algorithm": "ridge"}, {"algorithm": "lightgbm"}],
        }
    )


def train(kind: str, brokers: str, topic: str, share: float, folder: Path) -> dict[str, float]:
    """Trains on the first share of each partition; MLflow, which takes seconds to import, is there before."""
    ranges = find_ranges(brokers, [topic], 0, None)[topic]
    to_offsets = {number: first + round((end - first) * share) for number, (first, end) in enumerate(ranges)}
    rows = sum(to_offsets[number] - first for number, (first, _) in enumerate(ranges))
    settings = Settings(brokers=brokers, data=folder)
    registry = Registry(settings.registry_uri, settings.artifacts_uri)
    registry.names()
    before, cpu, parts = _peak_mib(), time.process_time(), Parts()
    trained = Trainer(settings, registry).train(model_of(kind, topic, to_offsets), parts)
    found = parts.figures(rows)
    return {
        "rows": rows,
        "rows_of_model": trained.snapshot.rows,
        **found,
        "cpu_us_per_row": (time.process_time() - cpu) / rows * 1e6,
        "peak_mib_before": before,
        "r2_of_hold_out": trained.judged.hold_out["r2"].value,
    }


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--share", type=float, default=1.0, help="of the records of each partition")
    parser.add_argument("--folder", type=Path, required=True, help="of the snapshots, and of a registry of its own")
    options = parser.parse_args()
    print(json.dumps(train(options.kind, options.brokers, options.topic, options.share, options.folder)))


if __name__ == "__main__":
    main()
