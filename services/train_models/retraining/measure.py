"""Looks at what came since a model was trained: rows in its topic, and how its inputs and scores are spread now."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from headrace.errors import ConfigurationError
from headrace.models.drift import psi
from headrace.models.inputs import Input, columns
from headrace.models.manifest import MANIFEST_FILE, Manifest, decode_manifest
from headrace.models.records import Prediction
from headrace.replay.ranges import find_ranges
from train_models.data.snapshots import load_snapshot
from train_models.registry.mlflow_registry import RegisteredVersion, Registry
from train_models.retraining.recent_predictions import recent_predictions
from train_models.retraining.retrained import Retrained
from train_models.retraining.triggers import Standing
from train_models.settings import Settings

Array = np.ndarray[Any, Any]

MOST_RECORDS = 40_000
LEAST_PREDICTIONS = 1_000
"""Ten bins over fewer drift by chance: (bins - 1) / rows is 0.01 here."""
SCORE = "score"


class Measured:
    """Measures against the newest version of a model, trained or not promoted."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._settings = settings
        self._registry = registry

    def standing(self, model: Retrained, since_us: int) -> Standing:
        """What the model's file asks for; a model without a version has no drift.

        Args:
            since_us: when the last training began, 0 before the first. What came before it has had its training, also
                where that failed or gave the version that was there.

        Raises:
            TransientError: Kafka or MLflow doesn't answer.
            ConfigurationError: a topic is missing, or the registry is not as it must be.
        """
        wanted = model.retraining
        if wanted.new_rows is None and wanted.drift_psi is None:
            return Standing()
        newest = next(iter(self._registry.versions(model.name)), None)
        new_rows = None if wanted.new_rows is None else self._new_rows(model, newest, since_us)
        if wanted.drift_psi is None or newest is None:
            return Standing(new_rows=new_rows)
        return Standing(new_rows=new_rows, drift=self._drift(model.name, newest, since_us))

    def _new_rows(self, model: Retrained, newest: RegisteredVersion | None, since_us: int) -> int:
        """Offsets since the last training and its snapshot.

        Some hold no record but a transaction's end; outcomes are those of all models.
        """
        frozen_to = self._frozen_to(newest) if newest else {}
        found = 0
        for topic in model.data.topics:
            ranges = find_ranges(self._settings.brokers, [topic], since_us, None)[topic]
            for partition, (start, end) in enumerate(ranges):
                found += max(0, end - max(start, frozen_to.get(topic, {}).get(str(partition), 0)))
        return found

    def _frozen_to(self, version: RegisteredVersion) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        waiting = [version.tags["data_sha256"]]
        while waiting:
            try:
                about = load_snapshot(waiting.pop(), self._settings.data, verify=False).about
            except ConfigurationError:
                # Trained on another machine: all rows are new here.
                continue
            waiting += about.parents
            for topic, partitions in about.ranges.items():
                found[topic] = {partition: end for partition, (_, end) in partitions.items()}
        return found

    def _drift(self, name: str, version: RegisteredVersion, since_us: int) -> dict[str, float]:
        """Of predictions since the version was made: what was answered before is of the past that it has seen."""
        found = recent_predictions(self._settings.brokers, name, max(version.created, since_us), MOST_RECORDS)
        if len(found) < LEAST_PREDICTIONS:
            return {}
        with tempfile.TemporaryDirectory() as scratch:
            path = self._registry.fetch(version, MANIFEST_FILE, Path(scratch))
            manifest = decode_manifest(path.read_bytes())
        return drift_of(manifest, found, version.version.version)


def drift_of(manifest: Manifest, predictions: Sequence[Prediction], version: int) -> dict[str, float]:
    """Input, or `score`, → population stability index between training and these predictions.

    Left out is what fewer than `LEAST_PREDICTIONS` of them have, as an input that the versions before did not take.

    Args:
        version: whose scores are compared; those of others are no sign of drift.
    """
    found = {
        field.name: psi(manifest.reference[field.name], values)
        for field in manifest.inputs
        if field.name in manifest.reference and len(values := _values(field, predictions)) >= LEAST_PREDICTIONS
    }
    own = np.array([each.score for each in predictions if each.version == version])
    if SCORE in manifest.reference and len(own) >= LEAST_PREDICTIONS:
        found[SCORE] = psi(manifest.reference[SCORE], own)
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _values(field: Input, predictions: Sequence[Prediction]) -> Array:
    rows = [each.features for each in predictions if field.name in each.features]
    try:
        return columns([field], rows)[field.name]
    except ValueError:
        # The input of that name was a text to a version before.
        return np.empty(0)
