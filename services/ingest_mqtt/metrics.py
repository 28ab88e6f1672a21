"""What the bridge counts. Labels are names from the routes file, fixed reasons and the three QoS, never a device."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

from headrace.errors import Reason

SERVICE = "ingest_mqtt"
DROPS = ("qos0_limit", "kafka_failed")
RECEIPTS = ("sent", "refused", "dropped")


class Metrics:
    """The bridge's metrics in one registry; those with a label are called with its value."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, about: str) -> Counter:
            return Counter(f"headrace_{name}", about, ["service"], registry=registry).labels(SERVICE)

        def counters(name: str, about: str, label: str, known: Iterable[str] = ()) -> Callable[[str], Counter]:
            family = Counter(f"headrace_{name}", about, ["service", label], registry=registry)
            # From 0 on: of a series that begins above 0, rate() never sees the first step.
            for value in known:
                family.labels(SERVICE, value)
            return lambda value: family.labels(SERVICE, value)

        def gauge(name: str, about: str) -> Gauge:
            return Gauge(f"headrace_{name}", about, ["service"], registry=registry).labels(SERVICE)

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
        broker_dropped = Gauge(
            "headrace_broker_dropped_messages",
            "Messages that the MQTT broker says it dropped, ever",
            ["service"],
            registry=registry,
        )
        # No value until the broker has said one: after a restart a 0 would look like a count that then rose.
        self.broker_dropped: Callable[[], Gauge] = lambda: broker_dropped.labels(SERVICE)
