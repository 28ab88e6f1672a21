"""Drives the online models without a broker: hourly values in, predictions and outcomes out, joined by id."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import pi, sin
from pathlib import Path
from typing import Any

from headrace.models.online import OnlineModel, load_online_models, online_model
from headrace.models.records import MADE, OUTCOMES, Outcome, Prediction, Role
from headrace.records import Window, decode, encode, headers_of, record_key
from headrace.streams.topology import Topology
from headrace.testing import TopologyDriver
from process_predictions.online.family import families
from process_predictions.online.rules import OnlineRules
from process_predictions.topology import WINDOWS, online_stage

MODELS = Path(__file__).parents[3] / "deploy" / "models"
HOUR = 3_600_000_000
MINUTE = 60_000_000
MONDAY = 2_817 * 7 * 24 + 4 * 24
"""Number of the hour that begins 2024-01-01 UTC."""


def window(hour: int, value: float, metric: str = "temperature", minute: int = 0, **changes: Any) -> Window:
    """A final window of a minute, whose readings have this mean."""
    start = hour * HOUR + minute * MINUTE
    fields: dict[str, Any] = {
        "site": "main",
        "device": "pump",
        "metric": metric,
        "start": start,
        "width": MINUTE,
        "count": 6,
        "min": value,
        "max": value,
        "mean": value,
        "stddev": 0.0,
        "last": value,
        "last_time": start,
        "revision": 13,
        "final": True,
        **changes,
    }
    return Window(**fields)


def daily(hours: int, noise: float = 0.3, seed: int = 1) -> list[float]:
    """Values that follow the hour of the day, with a drift and noise."""
    numbers = random.Random(seed)
    return [20 + 5 * sin(hour * pi / 12) + 0.01 * hour + numbers.gauss(0, noise) for hour in range(hours)]


def shipped() -> tuple[OnlineModel, ...]:
    """The online models of deploy/models."""
    return load_online_models(MODELS)


def champion_first(models: Iterable[OnlineModel]) -> dict[tuple[str, int], Role]:
    return {
        (model.name, variant.version): "shadow" if at else "champion"
        for model in models
        for at, variant in enumerate(model.variants)
    }


def next_hour(**changes: Any) -> OnlineModel:
    """A small model of the next hour's mean."""
    variant = {"name": "gradient", "version": 1, "pipeline": "sgd_linear", "features": ["change_1", "level_profile"]}
    return online_model("next", {"task": "online", "predicts": "mean", "variants": [variant], **changes})


@dataclass(frozen=True)
class Made:
    """A prediction with its outcome; None while it is not known."""

    prediction: Prediction
    outcome: Outcome | None


class OnlineDriver:
    """One partition of the online stage."""

    def __init__(self, models: tuple[OnlineModel, ...] | None = None, **settings: Any) -> None:
        self.models = shipped() if models is None else models
        self.roles = champion_first(self.models)
        self.rules = OnlineRules(families(self.models), lambda name, version: self.roles[name, version], **settings)
        self.driver = TopologyDriver(Topology("predictions", (online_stage(self.rules),)), partitions=1)

    def send(self, windows: Iterable[Window]) -> None:
        for each in windows:
            self.driver.send(WINDOWS, record_key(each.site, each.device), encode(each), headers_of(each))

    def feed(self, values: Iterable[float], first: int = MONDAY) -> None:
        """A window for each hour."""
        self.send(window(first + at, value) for at, value in enumerate(values))
        self.driver.run()

    def predictions(self) -> list[Prediction]:
        records = [decode(stored.value, stored.headers) for stored in self.driver.outputs(MADE)]
        return [record for record in records if isinstance(record, Prediction)]

    def outcomes(self) -> dict[str, Outcome]:
        records = [decode(stored.value, stored.headers) for stored in self.driver.outputs(OUTCOMES)]
        return {record.id: record for record in records if isinstance(record, Outcome)}

    def made(self, model: str, version: int = 1) -> list[Made]:
        """Of one version, in order."""
        outcomes = self.outcomes()
        return [
            Made(each, outcomes.get(each.id))
            for each in self.predictions()
            if each.model == model and each.version == version
        ]

    def content(self) -> list[tuple[str, bytes | None, bytes | None]]:
        """Everything that was written, in order."""
        return [(topic, each.key, each.value) for topic in (MADE, OUTCOMES) for each in self.driver.outputs(topic)]

    def state(self) -> Mapping[bytes, bytes]:
        return dict(self.driver.state("online", 0).items())  # type: ignore[attr-defined]  # keyed cells
