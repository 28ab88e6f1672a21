"""What is exported of learning."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from headrace.interactions.records import Arm
from process_interactions.learning.counts import LearningCounts, SiteFigures
from process_interactions.learning.limits import LearningLimits
from process_interactions.learning.metrics import LearningMetrics
from tests.unit.process_interactions.learning_driver import SECOND, LearningDriver, exposure, lesson


def value(counts: LearningCounts, name: str, **labels: str) -> float | None:
    registry = CollectorRegistry()
    LearningMetrics(counts, registry)
    return registry.get_sample_value(f"headrace_learning_{name}", {"service": "process_interactions", **labels})


def test_metrics_are_what_the_rules_counted() -> None:
    driver = LearningDriver(LearningLimits(SECOND, snapshot_entries=4))
    driver.learn([lesson("a"), lesson(None, "ab", kind="forget"), exposure()], every_s=0.25)
    driver.driver.send("interactions.lessons", b"s", b"{}", [("schema", b"lesson.v1")])
    driver.learn([lesson("c"), lesson("d")])
    counts = driver.rules.counts
    assert value(counts, "lessons_total", kind="interaction") == 3
    assert value(counts, "lessons_total", kind="forget") == 1
    assert value(counts, "exposures_total") == 1
    assert value(counts, "dead_letters_total", reason="invalid_record") == 1
    assert value(counts, "publications_total") == value(counts, "published_rows_total") == 1
    assert value(counts, "waiting_rows") == 5
    assert value(counts, "publish_lag_seconds") == pytest.approx(0.25)
    assert value(counts, "snapshots_total") == 1
    assert value(counts, "journal_entries") == 2
    assert (value(counts, "snapshot_bytes_total") or 0) > 0
    assert value(counts, "model_learned", site="main") == 1
    driver.driver.crash()
    assert value(counts, "relearned_total") == 2


def test_cost_and_arms_of_exploration_are_those_of_the_last_version() -> None:
    counts = LearningCounts(sites={"main": SiteFigures(7, 100, 0.25, 12, (Arm("trending", 3.0, 9.0),))})
    assert value(counts, "model_version", site="main") == 7
    assert value(counts, "exploration_cost", site="main") == 0.25
    assert value(counts, "explored_places", site="main") == 12
    assert value(counts, "arm_successes", site="main", source="trending") == 3.0
    assert value(counts, "arm_failures", site="main", source="trending") == 9.0
