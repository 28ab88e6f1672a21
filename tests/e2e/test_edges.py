"""Every edge of schemas/topics.yaml carries something: who is said to write a topic does, and who reads it has read."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from deploy.local.scrape import scrape
from deploy.local.stack import Stack
from headrace.deadletter import DeadLetter
from headrace.deadletter_topic import DeadLetters
from headrace.kafka import Consumer, Producer, headers_of_message
from headrace.range_reader import RangeReader
from headrace.records import RowSchema, record_key
from headrace.replay.ranges import find_ranges
from headrace.testing import wait_until
from headrace.topics import load_topics
from ingest_sources.ledger import read_entries
from ingest_sources.quality.report_topic import read_reports
from loadtest.devices.mqtt_packets import topic_field
from loadtest.devices.publisher import Message, Publisher, Receipt
from loadtest.scan_kafka import unread
from tests.e2e.edges_of_people import OF_PEOPLE
from tests.e2e.hourly_readings import publish_hours
from tests.e2e.judged_anomaly import JudgedAnomaly
from tests.e2e.people import People
from tests.e2e.predictions import MODEL, Predictions
from tests.integration.serve_api.sender import Sender
from tests.integration.sink_cassandra.sink_process import session_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

TOPICS = load_topics()
EDGES = [(topic.name, "written by", service) for topic in TOPICS.values() for service in topic.writers]
EDGES += [(topic.name, "read by", service) for topic in TOPICS.values() for service in topic.readers]
SECONDS = 200
SPIKE_AT = 170
"""Past the detector's 150 readings."""

Records = dict[str, list[dict[str, Any]]]


@dataclass
class Flow:
    """What devices left behind, and an order: a registered device, an unknown one, one with a file of readings, one
    whose readings are pushed, and one that published for hours; the order is a row of a source with a topic and a table
    of its own."""

    stack: Stack
    registered: str = field(default_factory=lambda: f"edge-{uuid4().hex}")
    unknown: str = field(default_factory=lambda: f"edge-{uuid4().hex}")
    filed: str = field(default_factory=lambda: f"edge-{uuid4().hex}")
    pushed: str = field(default_factory=lambda: f"edge-{uuid4().hex}")
    hourly: str = field(default_factory=lambda: f"edge-{uuid4().hex}")
    order: str = field(default_factory=lambda: f"edge-{uuid4().hex}")
    filed_at: int = field(default_factory=lambda: int(time.time()))
    following: set[str] = field(default_factory=set)
    live: dict[str, int] = field(default_factory=lambda: {"readings": 0, "anomalies": 0})
    restarted: set[str] = field(default_factory=set)
    people: People = field(init=False)
    judged: JudgedAnomaly = field(init=False)

    def __post_init__(self) -> None:
        self.people = People(self.stack)
        self.judged = JudgedAnomaly(self.stack)

    @property
    def predictions(self) -> Predictions:
        """What models said, here and about the orders."""
        return Predictions(self.stack)

    @cached_property
    def is_learned_from(self) -> bool:
        """Whether another model can be trained on predictions and outcomes: a training needs both and takes a while."""
        return self.predictions.is_learned_from()

    def restart(self, service: str) -> None:
        """Kills a service and starts it again; once is enough for all that it has to find again."""
        if service not in self.restarted:
            self.restarted.add(service)
            self.stack.kill(service)
            self.stack.up(service)

    def records(self, topic: str) -> list[dict[str, Any]]:
        """The JSON records of a topic that are about the two devices; of those with other contents, their keys."""
        keys = [record_key("default", device) for device in (self.registered, self.unknown)]
        consumer = Consumer(self.stack.brokers, f"edges-{uuid4()}", [topic])
        found: list[dict[str, Any]] = []

        def take() -> bool:
            for messages in consumer.poll_batch(10_000, 0.5).values():
                about = [m for m in messages if any(key in (m.key() or b"") for key in keys)]
                ours = [m for m in about if dict(headers_of_message(m)).get("edge") is None]
                found.extend(_content(topic, message) for message in ours)
            return bool(consumer.assignment()) and not any(consumer.lag().values()) and bool(found)

        try:
            wait_until(take, f"records in {topic}", 30)
        finally:
            consumer.close()
        return found

    def drop(self) -> None:
        """Drops the file into the folder of the source `inbox`: a reading, and a row without a device."""
        self._place(
            "inbox", self.filed, f"device,time,humidity\n{self.filed},{self.filed_at},40.5\n,{self.filed_at},1\n"
        )

    def drop_order(self, column: str = "amount", value: float = 0.1) -> None:
        """Drops a file with the order into the folder of the source `orders`."""
        self._place("orders", f"{self.order}-{column}", f"id,{column}\n{self.order},{value}\n")

    def drop_order_without_amount(self) -> None:
        """Drops a file with another order, which the model that scores orders can't take."""
        self._place("orders", f"{self.order}-empty", f"id,size\n{self.order}-empty,2\n")

    def schemas(self) -> list[RowSchema]:
        """Those of the source `orders`."""
        found = (json.loads(body) for body in self.bodies("sources.schemas"))
        return [msgspec.convert(one, RowSchema) for one in found if one["topic"] == "sources.orders"]

    def orders(self) -> set[str]:
        """The keys of its table."""
        with session_of(self.stack) as session:
            return {key for (key,) in session.execute('SELECT "__key__" FROM headrace.source_orders')}

    def _place(self, folder: str, name: str, text: str) -> None:
        path = self.stack.layout.data("ingest_sources") / folder / f"{name}.csv"
        part = path.with_suffix(".part")
        part.write_text(text)
        part.rename(path)

    def push(self, keys: Path) -> None:
        """Pushes a reading to the source `pushed`."""
        sender = Sender(self.stack.url("serve_api"), keys, "pushed")
        sender.allow()
        body = json.dumps({"device": self.pushed, "time": int(time.time()), "humidity": 40.5})
        sender.push(body.encode()).raise_for_status()

    def bodies(self, topic: str) -> list[bytes]:
        """All of a topic's values."""
        found: list[bytes] = []
        for number, (start, end) in enumerate(find_ranges(self.stack.brokers, [topic], 0, None)[topic]):
            with closing(RangeReader(self.stack.brokers, topic, number)) as reader:
                reader.start(start, end)
                while not reader.is_done:
                    found += [message.value() or b"" for message in reader.read()]
        return found

    def letters(self) -> list[DeadLetter]:
        devices = (self.registered, self.unknown, self.filed, self.order)
        letters = DeadLetters(self.stack.brokers).read_all()
        return [one for one in letters if any(d in one.source.topic or d.encode() in (one.key or b"") for d in devices)]

    def items(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        """What the API has of a list."""
        answer = httpx.get(f"{self.stack.url('serve_api')}/v1/{path}", params=parameters, timeout=10)
        items: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
        return items


def _content(topic: str, message: Any) -> dict[str, Any]:
    is_json = TOPICS[topic].record not in ("raw", "cells")
    content: dict[str, Any] = json.loads(message.value()) if is_json else {"key": message.key()}
    return content


@pytest.fixture(scope="module")
def flow(pipeline: Stack, push_keys: Path) -> Iterator[Flow]:
    one = Flow(pipeline)
    url = pipeline.url("serve_api")
    httpx.put(f"{url}/v1/devices/{one.registered}", json={"type": "default"}, timeout=10).raise_for_status()
    wait_until(lambda: httpx.get(f"{url}/v1/devices/{one.registered}").status_code == 200, "the device registered", 30)
    for stream in one.live:
        threading.Thread(target=_listen, args=(one, stream), daemon=True).start()
    wait_until(lambda: one.following == set(one.live), "both live streams", 30)
    asyncio.run(_publish(one))
    asyncio.run(publish_hours(pipeline, one.hourly))
    one.drop()
    one.drop_order()
    one.drop_order_without_amount()
    one.push(push_keys)
    producer = Producer(pipeline.brokers, "edges")
    producer.produce(
        "readings.clean", b"{}", record_key("default", one.unknown), [("schema", b"reading.v1"), ("edge", b"")]
    )
    producer.flush(30)
    one.people.happen()
    wait_until(lambda: not any(unread(pipeline.brokers).values()), "every consumer at the end", 60)
    one.predictions.train()
    one.predictions.ask()
    # The topic of the orders is there now, which it was not when the process started.
    one.restart("process_predictions")
    yield one


def _listen(flow: Flow, stream: str) -> None:
    url = f"{flow.stack.url('serve_api')}/v1/live/{stream}"
    # The service ends before the stream does.
    with (
        suppress(httpx.TransportError),
        httpx.stream("GET", url, params={"device": flow.registered}, timeout=120) as answer,
    ):
        for line in answer.iter_lines():
            if line.startswith(": following"):
                flow.following.add(stream)
            flow.live[stream] += line.startswith("data:")


async def _publish(flow: Flow) -> None:
    now = time.time_ns() // 1_000_000
    start = now - SECONDS * 1_000
    bodies = [
        json.dumps({"ts": start + second * 1_000, "humidity": 95.0 if second == SPIKE_AT else 40.0 + second % 7 / 10})
        for second in range(SECONDS)
    ]
    bodies.append(json.dumps({"ts": start - 86_400_000, "humidity": 40.0}))
    receipts: list[Receipt] = []
    async with Publisher(flow.stack.host, flow.stack.ports.mqtt, "edges", on_receipts=receipts.extend) as publisher:
        telemetry = topic_field(f"devices/{flow.registered}/telemetry")
        await publisher.publish([Message(telemetry, body.encode(), number) for number, body in enumerate(bodies)])
        other = topic_field(f"devices/{flow.unknown}/telemetry")
        await publisher.publish([Message(other, b'{"humidity": 41.5}', 1_000), Message(other, b"{bad", 1_001)])
        await publisher.publish([Message(topic_field(f"devices/{flow.unknown}/no/route"), b"1", 1_002)])
        await publisher.drain(30)


def _dead_letter_of(service: str) -> Callable[[Flow], bool]:
    return lambda flow: any(letter.stage.startswith(service) for letter in flow.letters())


def _registry(device: Callable[[Flow], str], source: str) -> Callable[[Flow], bool]:
    return lambda flow: (
        {r["source"] for r in flow.records("devices.registry") if r["device"] == device(flow)} == {source}
    )


def _restores_its_state(service: str) -> Callable[[Flow], bool]:
    def is_restored(flow: Flow) -> bool:
        flow.restart(service)
        samples = scrape(flow.stack.url(service))
        return samples is not None and samples.total("headrace_restored_cells_total") > 0

    return is_restored


def _knows_the_file_again(flow: Flow) -> bool:
    def repeated() -> float:
        samples = scrape(flow.stack.url("ingest_sources"))
        return samples.total("headrace_source_files_total", outcome="repeated") if samples else 0.0

    flow.stack.kill("ingest_sources")
    flow.stack.up("ingest_sources")
    flow.drop()
    wait_until(repeated, "the file to be known again", 30)
    return True


def _adds_to_the_schema_that_it_reads(flow: Flow) -> bool:
    flow.stack.kill("ingest_sources")
    flow.stack.up("ingest_sources")
    flow.drop_order("weight")
    both = {"id", "amount", "weight"}
    wait_until(lambda: any(set(schema.columns) >= both for schema in flow.schemas()), "the wider schema", 30)
    return True


def _numbers_on_from_the_report_that_it_reads(flow: Flow) -> bool:
    before = read_reports(flow.stack.brokers, "orders")[-1].number
    flow.stack.kill("ingest_sources")
    flow.stack.up("ingest_sources")
    flow.drop_order(value=0.2)
    wait_until(lambda: read_reports(flow.stack.brokers, "orders")[-1].number > before, "the next report", 30)
    return read_reports(flow.stack.brokers, "orders")[-1].number == before + 1


def _learns_on_from_its_state(flow: Flow) -> bool:
    flow.restart("process_interactions")
    flow.people.send(flow.people.known)
    return wait_until(flow.people.has_learned_all, "the online model to have all that there is", 60, every=0.5)


def _of_people(shown: Callable[[People], object]) -> Callable[[Flow], bool]:
    return lambda flow: bool(shown(flow.people))


SHOWN: dict[tuple[str, str, str], Callable[[Flow], bool]] = {
    **{edge: _of_people(shown) for edge, shown in OF_PEOPLE.items()},
    ("process_interactions.changelog", "written by", "process_interactions"): lambda flow: bool(
        flow.bodies("process_interactions.changelog")
    ),
    ("process_interactions.changelog", "read by", "process_interactions"): _restores_its_state("process_interactions"),
    ("process_interactions.learning.changelog", "written by", "process_interactions"): lambda flow: bool(
        flow.bodies("process_interactions.learning.changelog")
    ),
    ("process_interactions.learning.changelog", "read by", "process_interactions"): _learns_on_from_its_state,
    ("devices.registry", "written by", "serve_api"): _registry(lambda flow: flow.registered, "api"),
    ("devices.registry", "written by", "process_readings"): _registry(lambda flow: flow.unknown, "observed"),
    # It would have written an observed record if it had not read that the device is registered.
    ("devices.registry", "read by", "process_readings"): _registry(lambda flow: flow.registered, "api"),
    ("devices.registry", "read by", "sink_cassandra"): lambda flow: any(
        item["device"] == flow.unknown for item in flow.items("devices", limit="10000")
    ),
    ("process_readings.changelog", "read by", "process_readings"): _restores_its_state("process_readings"),
    ("process_predictions.changelog", "written by", "process_predictions"): lambda flow: bool(
        flow.bodies("process_predictions.changelog")
    ),
    ("process_predictions.changelog", "read by", "process_predictions"): _restores_its_state("process_predictions"),
    ("models.promoted", "written by", "train_models"): lambda flow: bool(flow.bodies("models.promoted")),
    ("models.promoted", "read by", "train_models"): lambda flow: "champion" in flow.predictions.headrace("list", MODEL),
    ("models.promoted", "read by", "serve_api"): lambda flow: flow.predictions.answered_by("serve_api"),
    ("models.promoted", "read by", "process_predictions"): lambda flow: flow.predictions.is_scored(flow.order),
    ("predictions.made", "written by", "serve_api"): lambda flow: flow.predictions.answered_by("serve_api"),
    ("predictions.made", "written by", "process_predictions"): lambda flow: flow.predictions.is_scored(flow.order),
    ("predictions.made", "read by", "train_models"): lambda flow: flow.is_learned_from,
    ("predictions.outcomes", "written by", "serve_api"): lambda flow: flow.predictions.has_outcomes(MODEL),
    ("predictions.outcomes", "written by", "process_predictions"): lambda flow: flow.predictions.has_outcomes(
        "next_hour"
    ),
    ("predictions.outcomes", "read by", "train_models"): lambda flow: flow.is_learned_from,
    ("readings.windows", "read by", "process_predictions"): lambda flow: flow.predictions.is_about(flow.hourly),
    ("readings.raw", "read by", "process_readings"): lambda flow: bool(flow.records("readings.clean")),
    ("readings.raw", "written by", "ingest_sources"): lambda flow: bool(flow.items("readings", device=flow.filed)),
    ("sources.pushed", "written by", "serve_api"): lambda flow: any(
        flow.pushed.encode() in body for body in flow.bodies("sources.pushed")
    ),
    ("sources.pushed", "read by", "ingest_sources"): lambda flow: bool(flow.items("readings", device=flow.pushed)),
    ("sources.ledger", "written by", "ingest_sources"): lambda flow: any(
        entry.file == f"{flow.filed}.csv" for entry in read_entries(flow.stack.brokers)
    ),
    ("sources.ledger", "read by", "ingest_sources"): _knows_the_file_again,
    ("sources.reports", "written by", "ingest_sources"): lambda flow: bool(read_reports(flow.stack.brokers, "orders")),
    ("sources.reports", "read by", "ingest_sources"): _numbers_on_from_the_report_that_it_reads,
    ("sources.schemas", "written by", "ingest_sources"): lambda flow: bool(flow.schemas()),
    ("sources.schemas", "read by", "ingest_sources"): _adds_to_the_schema_that_it_reads,
    ("sources.schemas", "read by", "sink_cassandra"): lambda flow: flow.order in flow.orders(),
    ("readings.clean", "read by", "sink_cassandra"): lambda flow: bool(flow.items("readings", device=flow.registered)),
    ("readings.late", "read by", "sink_cassandra"): lambda flow: any(
        "late" in item["flags"]
        for item in flow.items("readings", device=flow.registered, **{"from": str(int(time.time()) - 2 * 86_400)})
    ),
    ("readings.windows", "read by", "sink_cassandra"): lambda flow: bool(flow.items("windows", device=flow.registered)),
    ("readings.anomalies", "read by", "sink_cassandra"): lambda flow: bool(
        flow.items("anomalies", device=flow.registered)
    ),
    ("readings.clean", "read by", "serve_api"): lambda flow: flow.live["readings"] >= SECONDS,
    ("readings.anomalies", "read by", "serve_api"): lambda flow: flow.live["anomalies"] >= 1,
    ("anomalies.feedback", "written by", "serve_api"): lambda flow: (
        bool(flow.judged.threshold)
        and any(flow.judged.device.encode() in body for body in flow.bodies("anomalies.feedback"))
    ),
    ("anomalies.feedback", "read by", "process_readings"): lambda flow: (
        flow.judged.next_threshold < flow.judged.threshold
    ),
    ("anomalies.feedback", "read by", "sink_cassandra"): lambda flow: flow.judged.verdicts()[0] == "true",
    ("deadletters", "read by", "headrace"): lambda flow: bool(flow.letters()),
    **{("deadletters", "written by", s): _dead_letter_of(s) for s in TOPICS["deadletters"].writers},
}
"""How an edge shows that it carried something; any other is shown by records of the devices in its topic."""


@pytest.mark.parametrize("edge", EDGES, ids=lambda edge: " ".join(edge))
def test_edge_carries_something(flow: Flow, edge: tuple[str, str, str]) -> None:
    shown = SHOWN.get(edge)
    if shown is None:
        assert edge[1] == "written by", f"say in SHOWN how it shows that {edge[2]} reads {edge[0]}"
        assert flow.records(edge[0])
    else:
        wait_until(lambda: shown(flow), " ".join(edge), 30, every=0.5)
