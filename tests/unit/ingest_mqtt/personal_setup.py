"""The bridge of people with everything outside it played: its routes, Kafka's reports, and subjects in memory."""

from pathlib import Path

from prometheus_client import CollectorRegistry

from headrace.deadletter import DeadLetter
from headrace.interactions.records import Interaction
from headrace.records import decode
from headrace.subjects.keys import SubjectKeys
from headrace.testing import FakeClock, FakeProducer, wait_until
from ingest_mqtt.hidden_letter import fingerprint_of
from ingest_mqtt.metrics import PERSONAL, Metrics, PersonalMetrics
from ingest_mqtt.mqtt_packets import Properties, Publish
from ingest_mqtt.personal_forwarder import PersonalForwarder
from ingest_mqtt.routes import load_routes
from ingest_mqtt.subject_lookup import SubjectLookup
from ingest_mqtt.window import Window
from tests.unit.headrace.subjects.edges import edge, keys_of
from tests.unit.headrace.subjects.memory_table import MemoryTable

TOPIC = b"kiosks/k7/events"
_ROUTES = """
site: main
subscribe: ["devices/#"]
routes: [{name: telemetry, pattern: "devices/{device}/telemetry", format: json}]
personal:
  subscribe: ["kiosks/#", "people/+"]
  routes:
    - {name: kiosk, pattern: "kiosks/{kiosk}/events", session: "{kiosk}-{visit}", context: [kiosk], personal: [mail]}
    - {name: own, pattern: "people/{who}", user: "{who}", session: null, kind: view}
"""


class PersonalSetup:
    """One bridge of people; `edge` is another edge on the same table and keys, such as the API."""

    def __init__(self, folder: Path, qos0_limit: int = 100) -> None:
        path = folder / "routes.yaml"
        path.write_text(_ROUTES)
        routes = load_routes(path).personal
        assert routes is not None
        self.registry = CollectorRegistry()
        self.clock = FakeClock()
        self.kafka = FakeProducer()
        self.window = Window(1_000, 1 << 26)
        self.table = MemoryTable()
        keys = keys_of(folder)
        self.subjects, self.edge = edge(self.table, keys), edge(self.table, keys)
        counts = PersonalMetrics(self.registry)
        self.lookup = SubjectLookup(self.subjects, self.clock, counts.failed_lookups.inc)
        secrets = SubjectKeys(keys)
        self.forwarder = PersonalForwarder(
            routes,
            self.kafka,
            self.window,
            Metrics(self.registry, PERSONAL),
            counts,
            self.clock,
            qos0_limit,
            self.lookup,
            lambda body: fingerprint_of(body, secrets),
        )

    def take(self, *publishes: Publish) -> None:
        """Takes messages, and waits for all that can be known of their people."""
        self.forwarder.take(publishes)
        self.settle()

    def settle(self) -> None:
        """Goes on until nothing waits, or a look failed."""
        wait_until(lambda: self._is_settled(), "the looks for subjects")

    def _is_settled(self) -> bool:
        self.forwarder.advance()
        return not self.count("waiting_messages") or (self.lookup.is_idle and self.lookup.problem is not None)

    def count(self, metric: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"headrace_{metric}", {"service": PERSONAL, **labels})

    def interactions(self) -> list[Interaction]:
        found = [decode(one.value, list(one.headers.items())) for one in self.kafka.of_topic("interactions.raw")]
        return [one for one in found if isinstance(one, Interaction)]

    def letters(self) -> list[DeadLetter]:
        records = self.kafka.of_topic("deadletters")
        return [DeadLetter.from_record(one.value, one.key, list(one.headers.items())) for one in records]

    def released(self) -> list[int]:
        """The acks that are due after Kafka's reports."""
        for report in self.kafka._waiting:
            report(None, Delivered())  # type: ignore[arg-type]  # librdkafka's own cannot be made here
        self.kafka._waiting.clear()
        return self.window.release()


class Delivered:
    def partition(self) -> int:
        return 1

    def offset(self) -> int:
        return 5


def publish(
    payload: bytes, mid: int = 1, topic: bytes = TOPIC, qos: int = 1, properties: Properties | None = None
) -> Publish:
    return Publish(topic, payload, mid if qos else 0, qos, False, False, properties)
