"""What the bridge counts. Labels are names from the routes file, fixed reasons and the three QoS, never a device."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge

from headrace.errors import Reason
from ingest_mqtt.mqtt_packets import Publish

SERVICE = "ingest_mqtt"
PERSONAL = "ingest_mqtt_personal"
"""The label `service` of the session of people."""
DROPS = ("qos0_limit", "kafka_failed")
EVENTS = ("accepted", "refused")
RECEIPTS = ("sent", "refused", "dropped")
F = TypeVar("F", Counter, Gauge)


class Metrics:
    """A session's metrics in one registry; those with a label are called with its value.

    Args:
        of: another session's, in the same registry.
    """

    def __init__(self, registry: CollectorRegistry, service: str = SERVICE, of: "Metrics | None" = None) -> None:
        self._families: dict[str, Counter | Gauge] = of._families if of else {}

        def family(kind: type[F], name: str, about: str, *labels: str) -> F:
            if name not in self._families:
                self._families[name] = kind(f"headrace_{name}", about, labels, registry=registry)
            found = self._families[name]
            assert isinstance(found, kind)  # noqa: S101 - one name has one kind
            return found

        def counter(name: str, about: str) -> Counter:
            return family(Counter, name, about, "service").labels(service)

        def counters(name: str, about: str, label: str, known: Iterable[str] = ()) -> Callable[[str], Counter]:
            found = family(Counter, name, about, "service", label)
            # From 0 on: of a series that begins above 0, rate() never sees the first step.
            for value in known:
                found.labels(service, value)
            return lambda value: found.labels(service, value)

        def gauge(name: str, about: str) -> Gauge:
            return family(Gauge, name, about, "service").labels(service)

        self.received = counters("received_messages_total", "Messages from the MQTT broker", "qos")
        self.redelivered = counter("redelivered_messages_total", "Messages that the broker had sent before (DUP)")
        self.retained = counter("retained_messages_total", "Stored messages, which are old data")
        self.forwarded = counter("forwarded_records_total", "Records that Kafka confirmed, dead letters included")
        self.dead_letters = counters("dead_letters_total", "Messages that became dead letters", "reason", Reason)
        self.ignored = counters("ignored_messages_total", "Messages dropped on purpose, by name in the routes", "name")
        self.dropped = counters("dropped_messages_total", "QoS 0 messages that were lost here", "reason", DROPS)
        self.acked = counter("acked_messages_total", "Messages acknowledged to the MQTT broker")
        self.abandoned = counter("abandoned_messages_total", "Messages whose connection ended before their ack")
        self.receipts = counters("receipts_total", "Receipts by what became of them", "outcome", RECEIPTS)
        self.failures = counter("failed_deliveries_total", "Records that Kafka did not take")
        self.connections = counter("mqtt_connections_total", "Connections to the MQTT broker that came up")
        self.connected = gauge("mqtt_connected", "1 while connected to the MQTT broker")
        self.in_flight = gauge("in_flight_messages", "Messages that Kafka has not confirmed")
        self.in_flight_bytes = gauge("in_flight_bytes", "Bytes that Kafka has not confirmed")
        self.stalled = gauge("oldest_unacked_seconds", "Age of the oldest message without its ack, or of a full window")
        broker_dropped = family(
            Gauge, "broker_dropped_messages", "Messages that the MQTT broker says it dropped, ever", "service"
        )
        # No value until the broker has said one: after a restart a 0 would look like a count that then rose.
        self.broker_dropped: Callable[[], Gauge] = lambda: broker_dropped.labels(service)

    def count_arrivals(self, publishes: Sequence[Publish]) -> None:
        """Counts the messages of one read."""
        for publish in publishes:
            self.received(str(publish.qos)).inc()
            if publish.dup:
                self.redelivered.inc()
            if publish.retain:
                self.retained.inc()


class PersonalMetrics:
    """What is counted beside that of messages of people."""

    def __init__(self, registry: CollectorRegistry) -> None:
        events = Counter(
            "headrace_mqtt_events_total", "Events of people, by outcome", ["service", "outcome"], registry=registry
        )
        for outcome in EVENTS:
            events.labels(PERSONAL, outcome)
        self.events: Callable[[str], Counter] = lambda outcome: events.labels(PERSONAL, outcome)
        self.failed_lookups = Counter(
            "headrace_failed_subject_lookups_total", "Looks for subjects that failed", ["service"], registry=registry
        ).labels(PERSONAL)
        self.waiting = Gauge(
            "headrace_waiting_messages", "Messages of people that wait for a subject", ["service"], registry=registry
        ).labels(PERSONAL)
