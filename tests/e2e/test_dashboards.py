"""Every question of the dashboards and every recording rule has an answer while the pipeline runs."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from deploy.local.stack import SERVICES, Stack
from headrace.testing import wait_until
from tests.dashboard_files import ItemsQuery, PromQuery, alert_selectors, items_queries, prom_queries
from tests.e2e.hourly_readings import publish_hours
from tests.e2e.steady_load import DEVICE, METRIC, steady_load
from tests.e2e.steady_predictions import steady_predictions
from tests.e2e.steady_recommendations import steady_recommendations

pytestmark = [pytest.mark.integration]

_MOVING = {"ingest_mqtt", "process_interactions", "process_readings", "sink_cassandra"}
EVERY_STAGE = {
    "service:headrace_input:rate1m > 0": _MOVING,
    "service:headrace_output:rate1m > 0": _MOVING,
    "service:headrace_lag_records:sum": (_MOVING - {"ingest_mqtt"}) | {"process_predictions"},
    "service:process_resident_memory_bytes:sum > 0": set(SERVICES),
    "service:process_cpu_seconds:rate1m > 0": set(SERVICES),
}
SOURCE = "inbox"
_DEADLINE_S = 90.0
_TIMEOUT_S = 10.0


@pytest.fixture(scope="module")
def flowing(pipeline: Stack) -> Iterator[Stack]:
    """The pipeline with Prometheus, small loads that go on, a file that was loaded and an anomaly that was judged."""
    asyncio.run(publish_hours(pipeline, "hourly"))
    loads = steady_load(pipeline), steady_predictions(pipeline), steady_recommendations(pipeline)
    with pipeline.running("prometheus"), loads[0], loads[1], loads[2]:
        # Once Prometheus knows the counters: of rows that came before, it sees no increase.
        rows = f'headrace_source_rows_total{{source="{SOURCE}"}}'
        wait_until(lambda: _numbers(pipeline, rows), rows, _DEADLINE_S, every=0.5)
        _drop_a_file(pipeline)
        _judge_an_anomaly(pipeline)
        yield pipeline


@pytest.mark.parametrize("query", prom_queries(), ids=str)
def test_prometheus_answers_with_numbers_and_the_labels_of_the_legend(flowing: Stack, query: PromQuery) -> None:
    expr = query.expr.replace("${source}", SOURCE).replace("${model}", ".+").replace("${experiment}", ".+")
    found = wait_until(lambda: _numbers(flowing, expr), expr, _DEADLINE_S, every=0.5)
    assert all(query.labels <= sample["metric"].keys() for sample in found)


@pytest.mark.parametrize("expr", EVERY_STAGE)
def test_no_stage_is_missing(flowing: Stack, expr: str) -> None:
    def seen() -> bool:
        return {sample["metric"]["service"] for sample in _numbers(flowing, expr)} >= EVERY_STAGE[expr]

    wait_until(seen, f"{expr} of every stage", _DEADLINE_S, every=0.5)


@pytest.mark.parametrize("query", alert_selectors(), ids=str)
def test_alerts_look_at_series_that_exist(flowing: Stack, query: PromQuery) -> None:
    wait_until(lambda: _numbers(flowing, query.expr), query.expr, _DEADLINE_S, every=0.5)


def test_rules_are_evaluated_without_an_error(flowing: Stack) -> None:
    rules = wait_until(lambda: _evaluated(flowing), "every rule to be evaluated", _DEADLINE_S, every=0.5)
    assert {rule["name"]: rule["lastError"] for rule in rules if rule.get("lastError")} == {}


@pytest.mark.parametrize("query", items_queries(), ids=str)
def test_the_api_answers_with_rows_that_have_the_columns(flowing: Stack, query: ItemsQuery) -> None:
    columns = [name for name, _ in query.columns]
    rows = wait_until(lambda: _complete(_rows(flowing, query), columns), query.path, _DEADLINE_S, every=0.5)
    for name, kind in query.columns:
        assert all(_fits(row[name], kind) for row in rows if row[name] is not None), f"{name} is no {kind}"


def _drop_a_file(stack: Stack) -> None:
    path = stack.layout.data("ingest_sources") / SOURCE / f"dashboards-{time.time_ns()}.csv"
    part = path.with_suffix(".part")
    part.write_text(f"device,time,{METRIC}\n{path.stem},2026-01-02T03:04:05Z,40.5\n,2026-01-02T03:04:06Z,1\n")
    part.rename(path)


def _judge_an_anomaly(stack: Stack) -> None:
    url = f"{stack.url('serve_api')}/v1/anomalies"

    def found() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = httpx.get(url, params={"device": DEVICE}, timeout=_TIMEOUT_S).json()["items"]
        return items

    anomaly = wait_until(found, "an anomaly", _DEADLINE_S, every=0.5)[0]
    httpx.post(f"{url}/{anomaly['id']}/feedback", json={"verdict": "true"}, timeout=_TIMEOUT_S).raise_for_status()


def _numbers(stack: Stack, expr: str) -> list[dict[str, Any]]:
    """The samples of an instant query, none where one is no number."""
    url = f"{stack.url('prometheus')}/api/v1/query"
    answer = httpx.get(url, params={"query": expr}, timeout=_TIMEOUT_S).raise_for_status().json()
    samples: list[dict[str, Any]] = answer["data"]["result"]
    return samples if all(math.isfinite(float(sample["value"][1])) for sample in samples) else []


def _evaluated(stack: Stack) -> list[dict[str, Any]]:
    groups = httpx.get(f"{stack.url('prometheus')}/api/v1/rules", timeout=_TIMEOUT_S).json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    return [] if any(rule["health"] == "unknown" for rule in rules) else rules


def _rows(stack: Stack, query: ItemsQuery) -> list[dict[str, Any]]:
    now = time.time_ns() // 1_000_000
    chosen = {"device": DEVICE, "metric": METRIC, "width": "60"}
    path = query.filled({**chosen, "__from": str(now - 3_600_000), "__to": str(now)})
    answer = httpx.get(stack.url("serve_api") + path, timeout=_TIMEOUT_S).raise_for_status()
    rows: list[dict[str, Any]] = answer.json()["items"]
    return rows


def _complete(rows: list[dict[str, Any]], columns: list[str]) -> list[dict[str, Any]]:
    """The rows, none as long as a column is missing or empty in all of them."""
    return rows if all(any(row[name] is not None for row in rows) for name in columns) else []


def _fits(value: object, kind: str) -> bool:
    if kind == "timestamp":
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    return kind == "string" or (isinstance(value, int | float) and not isinstance(value, bool))
