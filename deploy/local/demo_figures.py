"""The figures that the demo shows, gathered from the services' own /metrics and the API."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from deploy.local.demo_model_state import ModelShown, read_state
from deploy.local.demo_shop_panel import ShopFigures
from deploy.local.demo_shop_state import read_state as read_shop_state
from deploy.local.scrape import Samples, get, scrape

_ANOMALIES_SHOWN = 8
_SOURCES = "ingest_sources"
_API = "serve_api"


@dataclass(frozen=True)
class Stage:
    """One service as a step of the flow: which counters say what went in and out of it."""

    service: str
    takes: str
    gives: str
    taken: Callable[[Samples], float]
    given: Callable[[Samples], float]


STAGES = (
    Stage(
        "ingest_mqtt",
        "MQTT messages",
        "raw records",
        lambda s: s.total("headrace_received_messages_total"),
        lambda s: s.total("headrace_forwarded_records_total"),
    ),
    Stage(
        "process_readings",
        "raw records",
        "records",
        lambda s: s.total("headrace_received_records_total"),
        lambda s: s.total("headrace_sent_records_total"),
    ),
    Stage(
        "sink_cassandra",
        "records",
        "rows",
        lambda s: s.total("headrace_processed_records_total"),
        lambda s: s.total("headrace_written_rows_total"),
    ),
    Stage(
        "serve_api",
        "requests",
        "live events",
        lambda s: s.total("headrace_api_requests_total"),
        lambda s: s.total("headrace_api_live_events_total"),
    ),
)


@dataclass(frozen=True)
class StageFigures:
    """One stage at one moment; rates are per second since the last look, `lag` in records."""

    stage: Stage
    up: bool
    rate_in: float = 0.0
    rate_out: float = 0.0
    total_out: float = 0.0
    lag: float = 0.0


@dataclass(frozen=True)
class SourceFigures:
    """Rows of one source of ingest_sources; `rate` is delivered rows per second since the last look."""

    name: str
    delivered: float
    rejected: float
    rate: float
    is_failing: bool


@dataclass(frozen=True)
class Figures:
    """What one redraw shows; `model` is None where nobody asks one, and `shop` where the API is away."""

    stages: list[StageFigures]
    dead_letters: dict[str, float] = field(default_factory=dict)
    anomalies: list[dict[str, Any]] = field(default_factory=list)
    sources: list[SourceFigures] = field(default_factory=list)
    model: ModelShown | None = None
    shop: ShopFigures | None = None


class Gatherer:
    """Looks at all services at once.

    `urls` maps service names to their HTTP roots; `model` and `shop` are the files in which the model's user and those
    who shop say how it goes.
    """

    def __init__(self, urls: Mapping[str, str], model: Path | None = None, shop: Path | None = None) -> None:
        self._urls = urls
        self._model = model
        self._shop = shop
        self._pool = ThreadPoolExecutor(len(STAGES) + 2)
        self._last: dict[str, tuple[float, Samples]] = {}

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def gather(self) -> Figures:
        """The figures now; a service that does not answer is shown as away."""
        anomalies = self._pool.submit(self._anomalies)
        sources = self._pool.submit(lambda: scrape(self._urls[_SOURCES]))
        found = list(self._pool.map(lambda stage: scrape(self._urls[stage.service]), STAGES))
        dead: Counter[str] = Counter()
        for samples in filter(None, [*found, sources.result()]):
            dead.update(samples.by("headrace_dead_letters_total", "reason"))
        shop = self._shopping(found[[stage.service for stage in STAGES].index(_API)])
        stages = [self._figures(stage, samples) for stage, samples in zip(STAGES, found, strict=True)]
        model = None if self._model is None else read_state(self._model)
        return Figures(stages, dict(dead), anomalies.result(), self._sources(sources.result()), model, shop)

    def has_stored(self, device: str) -> bool:
        """Whether the API reads anything of a device from Cassandra."""
        return bool(_items(f"{self._urls['serve_api']}/v1/latest?device={quote(device, safe='')}"))

    def _figures(self, stage: Stage, samples: Samples | None) -> StageFigures:
        now, before = time.monotonic(), self._last.get(stage.service)
        if samples is None:
            return StageFigures(stage, up=False)
        self._last[stage.service] = (now, samples)
        since, old = before or (now, samples)
        seconds = max(now - since, 1e-9)
        return StageFigures(
            stage,
            up=True,
            # A restarted service counts from 0 again.
            rate_in=max(0.0, stage.taken(samples) - stage.taken(old)) / seconds,
            rate_out=max(0.0, stage.given(samples) - stage.given(old)) / seconds,
            total_out=stage.given(samples),
            lag=samples.total("headrace_lag_records"),
        )

    def _shopping(self, samples: Samples | None) -> ShopFigures | None:
        """Before the stages' figures, which take these samples as the last."""
        if samples is None:
            return None
        now = time.monotonic()
        since, old = self._last.get(_API) or (now, samples)
        seconds = max(now - since, 1e-9)
        events, answers = _events(samples), samples.total("headrace_recommendations_total")
        return ShopFigures(
            events,
            max(0.0, events - _events(old)) / seconds,
            answers,
            max(0.0, answers - old.total("headrace_recommendations_total")) / seconds,
            None if self._shop is None else read_shop_state(self._shop),
        )

    def _sources(self, samples: Samples | None) -> list[SourceFigures]:
        if samples is None:
            return []
        now, rows = time.monotonic(), "headrace_source_rows_total"
        since, old = self._last.get(_SOURCES) or (now, samples)
        self._last[_SOURCES] = (now, samples)
        found = []
        for name in sorted(samples.by(rows, "source")):
            delivered = samples.total(rows, source=name, outcome="delivered")
            more = max(0.0, delivered - old.total(rows, source=name, outcome="delivered"))
            rejected = samples.total(rows, source=name, outcome="rejected")
            is_failing = samples.total("headrace_source_failing", source=name) > 0
            found.append(SourceFigures(name, delivered, rejected, more / max(now - since, 1e-9), is_failing))
        return found

    def _anomalies(self) -> list[dict[str, Any]]:
        since = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        query = f"from={since}&order=desc&limit={_ANOMALIES_SHOWN}"
        return _items(f"{self._urls['serve_api']}/v1/anomalies?{query}")


def _items(url: str) -> list[dict[str, Any]]:
    body = get(url)
    items: list[dict[str, Any]] = json.loads(body)["items"] if body else []
    return items


def _events(samples: Samples) -> float:
    return samples.total("headrace_api_events_total", outcome="accepted")
