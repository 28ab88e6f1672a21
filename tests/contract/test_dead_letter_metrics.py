"""Every service that makes dead letters counts them under one name, from 0 on for every reason."""

from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from headrace.errors import Reason
from headrace.sink import SinkProgress
from ingest_mqtt.metrics import Metrics
from process_predictions.metrics import DeadLetterMetrics
from process_readings.counts import Counts
from process_readings.metrics import RuleMetrics
from sink_cassandra.metrics import Flow, SinkCollector


def _ingest_mqtt(registry: CollectorRegistry) -> None:
    Metrics(registry).dead_letters(Reason.NO_ROUTE.value).inc()


def _process_readings(registry: CollectorRegistry) -> None:
    counts = Counts()
    counts.dead_letters[Reason.NO_ROUTE.value] += 1
    RuleMetrics(counts, registry)


def _sink_cassandra(registry: CollectorRegistry) -> None:
    registry.register(SinkCollector(Flow("readings", SinkProgress(refused={Reason.NO_ROUTE.value: 1}))))


def _process_predictions(registry: CollectorRegistry) -> None:
    DeadLetterMetrics([{Reason.NO_ROUTE.value: 1}, {}], registry)


SERVICES = (_ingest_mqtt, _process_readings, _process_predictions, _sink_cassandra)


@pytest.mark.parametrize("count_one", SERVICES, ids=lambda f: f.__name__[1:])
def test_a_reason_that_never_came_is_counted_as_0(count_one: Callable[[CollectorRegistry], None]) -> None:
    registry = CollectorRegistry()
    count_one(registry)
    service = count_one.__name__[1:]
    found = {
        reason: registry.get_sample_value("headrace_dead_letters_total", {"service": service, "reason": reason.value})
        for reason in Reason
    }
    assert found == {reason: float(reason is Reason.NO_ROUTE) for reason in Reason}
