"""Drives a scored topic without a broker: rows in, predictions and dead letters out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.deadletter import TOPIC as DEADLETTERS
from headrace.models.deployments import Deployments
from headrace.models.loaded_version import LoadedVersion
from headrace.models.records import MADE, ModelVersion, Prediction, Promotion
from headrace.models.stream import Stream
from headrace.models.swap import Swap
from headrace.models.version_loader import VersionLoader
from headrace.records import decode
from headrace.streams.topology import Topology
from headrace.testing import TopologyDriver
from process_predictions.counts import ScoringCounts
from process_predictions.scoring.rules import ScoringRules
from process_predictions.topology import scoring_stage
from tests.served_models import ModelMaker

TOPIC = "sources.lines"
MODEL = "usage"


class ScoringDriver:
    """One model on one topic of one partition."""

    def __init__(self, folder: Path, **stream: Any) -> None:
        self.maker = ModelMaker(folder)
        self.counts = ScoringCounts()
        self.deployments: Deployments[LoadedVersion] = Deployments()
        self.error: Exception | None = None
        self._loader = VersionLoader(self.maker.keys, "MODEL_KEYS", folder / "scratch")
        self._swap = Swap(self._load, self.deployments, self.counts.note_load)
        self.stream = Stream(topic=TOPIC, **stream)
        rules = ScoringRules(MODEL, self.stream, lambda: self.deployments.promoted(MODEL), "default", self.counts)
        stage = scoring_stage(MODEL, self.stream, rules)
        self.driver = TopologyDriver(Topology("predictions", (stage,)), partitions=1)
        self._revision = 0

    def promote(self, champion: ModelVersion, **others: Any) -> None:
        self._revision += 1
        self._swap.apply(Promotion(MODEL, self._revision, champion, 1_700_000_000_000_000, **others))

    def _load(self, name: str, version: ModelVersion) -> LoadedVersion:
        if self.error is not None:
            raise self.error
        return self._loader.load(name, version)

    def send(self, *rows: Mapping[str, object] | bytes | None) -> None:
        for row in rows:
            value = row if row is None or isinstance(row, bytes) else json.dumps(row).encode()
            self.driver.send(TOPIC, b"key", value)

    def predictions(self) -> list[Prediction]:
        records = [decode(stored.value, stored.headers) for stored in self.driver.outputs(MADE)]
        return [record for record in records if isinstance(record, Prediction)]

    def refusals(self) -> list[str]:
        """What was wrong with each dead letter."""
        letters = self.driver.outputs(DEADLETTERS)
        return [dict(letter.headers)["deadletter.detail"].decode() for letter in letters]
