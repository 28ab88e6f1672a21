"""Reference data beside real Kafka: each part of a source is joined with them as they are then, or waits for them."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from confluent_kafka.admin import AdminClient
from sqlalchemy import make_url

from deploy.local.stack import Stack
from headrace.clock import SystemClock
from headrace.errors import TransientError
from headrace.kafka import Producer
from headrace.streams.batch import OutRecord
from headrace.streams.transaction import KafkaTransactions
from headrace.testing import wait_until
from headrace.topics import Topic, create_topics
from ingest_sources.app import FeedParts, Parts
from ingest_sources.feeds.feed_source import FeedSource
from ingest_sources.files.file_source import FileSource
from ingest_sources.references.references import SourceReferences
from ingest_sources.rules.lookup_model import TableReference, TopicReference
from ingest_sources.rules.steps import ReferenceWrong
from ingest_sources.settings import Settings
from ingest_sources.source import load_source
from tests.integration.ingest_sources.bench import HEADER, SourceBench
from tests.integration.ingest_sources.feed_bench import FeedBench

pytestmark = pytest.mark.integration


class Sites:
    """A compacted topic with zones of devices, and a topic with readings of them."""

    def __init__(self, brokers: str) -> None:
        self.brokers = brokers
        self.topic = f"shop.sites-{uuid4().hex[:8]}"
        self.reference = TopicReference(topic=self.topic, key="{site}/{device}")
        self._producer = Producer(brokers, "sites")

    def make(self, topic: str = "") -> None:
        name = topic or self.topic
        own = Topic(name=name, about="", key="", record="raw", partitions=2, cleanup="compact", writers=())
        create_topics(self.brokers, {name: own})

    def send(self, topic: str, *records: tuple[str, object]) -> None:
        for key, content in records:
            value = content if isinstance(content, bytes | None) else json.dumps(content).encode()
            self._producer.produce(topic, value, key.encode())
        self._producer.flush(30)

    def put(self, **zones: str | None) -> None:
        self.send(self.topic, *((f"oslo/{device}", zone and {"zone": zone}) for device, zone in zones.items()))

    def delete(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.brokers})
        admin.delete_topics([self.topic])[self.topic].result(30)


@pytest.fixture
def sites(kafka: Stack) -> Sites:
    return Sites(kafka.brokers)


@pytest.fixture
def references(kafka: Stack, tmp_path: Path) -> Iterator[SourceReferences]:
    references = SourceReferences(kafka.brokers, tmp_path, str, SystemClock())
    yield references
    references.close()


def zones(references: SourceReferences, sites: Sites) -> dict[str, str]:
    table = references.table(sites.reference, ("site", "device", "zone"))
    return {device: zone for _, device, zone in table.iter_rows()}


def is_read(references: SourceReferences, sites: Sites, **expected: str) -> bool:
    """Whether the topic has these rows; a broker may not know yet that it was made."""
    try:
        return zones(references, sites) == expected
    except (TransientError, ReferenceWrong):
        return False


def test_each_asking_has_what_is_committed_by_then(sites: Sites, references: SourceReferences) -> None:
    with pytest.raises(ReferenceWrong, match="there is no topic"):
        zones(references, sites)
    sites.make()
    wait_until(lambda: is_read(references, sites), "the topic is known")
    sites.put(**{f"d{number}": "old" for number in range(50)})
    sites.put(d0="new", d1=None)
    found = zones(references, sites)
    assert (len(found), found["d0"], "d1" in found, found["d2"]) == (49, "new", False, "old")

    transactions = KafkaTransactions(sites.brokers, f"sites-{uuid4().hex}")
    transactions.start()
    transactions.produce([OutRecord(sites.topic, b"oslo/d0", b'{"zone": "newest"}')])
    assert zones(references, sites)["d0"] == "new"
    transactions.commit()
    transactions.close()
    # Kafka shows a transaction to readers a moment after its commit is confirmed.
    wait_until(lambda: zones(references, sites)["d0"] == "newest", "the record of the transaction")
    unchanged = references.table(sites.reference, ("site", "device", "zone"))
    assert references.table(sites.reference, ("site", "device", "zone")) is unchanged

    sites.send(sites.topic, ("oslo/d0", b"<zone/>"))
    with pytest.raises(ReferenceWrong, match="write that key anew"):
        zones(references, sites)
    sites.put(d0="mended")
    assert zones(references, sites)["d0"] == "mended"


def test_a_topic_that_was_made_anew_is_read_from_its_beginning(sites: Sites, references: SourceReferences) -> None:
    sites.make()
    sites.put(a="x", b="x", c="x", d="x")
    wait_until(lambda: is_read(references, sites, a="x", b="x", c="x", d="x"), "the rows of the topic")
    sites.delete()
    sites.make()
    sites.put(e="y")
    wait_until(lambda: is_read(references, sites, e="y"), "the rows of the new topic")


def test_a_source_is_joined_and_what_is_not_found_is_a_dead_letter(kafka: Stack, sites: Sites, tmp_path: Path) -> None:
    bench = FeedBench(kafka.brokers, tmp_path)
    readings = f"{sites.topic}-readings"
    sites.make()
    sites.make(readings)
    rule = {"in": {"topic": sites.topic, "key": "{site}/{device}"}, "on": ["site", "device"], "take": ["zone"]}
    options = {"brokers": kafka.brokers, "topics": [readings]}
    bench.configure({"kind": "kafka", "kafka": options, "rules": [{"lookup": rule}]})
    sites.put(a="x", b="y")
    rows = [("1", "a"), ("2", "b"), ("3", "c"), ("4", "a")]
    sites.send(readings, *((number, {"id": number, "site": "oslo", "device": device}) for number, device in rows))
    settings = Settings(brokers=kafka.brokers, sources=bench.sources, data=tmp_path / "data")
    source = load_source(bench.sources / f"{bench.name}.yaml")
    assert isinstance(source, FeedSource)
    FeedParts(settings, source, threading.Event()).start().run_once(silence_s=0.3)
    joined = {found["id"]: found["zone"] for found in (json.loads(m.value() or b"") for m in bench.messages())}
    assert joined == {"1": "x", "2": "y", "4": "x"}
    (letter,) = bench.letters()
    assert f"device is 'c', which topic {sites.topic} doesn't have" in letter.detail


def test_a_table_of_postgresql_is_read_without_telling_values_that_it_can_not_convert(
    kafka: Stack, tmp_path: Path
) -> None:
    kafka.up("postgres")
    url = make_url(kafka.postgres_url)
    name = f"regions_{uuid4().hex[:8]}"
    address = f"postgresql://{url.username}@{url.host}:{url.port}/{url.database}"
    database = {"url": address, "password_secret": "shop", "table": name, "refresh_seconds": 1e-6}
    reference = TableReference.model_validate({"database": database})
    references = SourceReferences("", tmp_path, lambda _: str(url.password), SystemClock())
    with psycopg.connect(kafka.postgres_url, autocommit=True) as connection, closing(references):
        connection.execute(f"CREATE TABLE {name}_of AS SELECT 1 AS id, '7' AS size")
        connection.execute(f"CREATE VIEW {name} AS SELECT id, CAST(size AS integer) AS size FROM {name}_of")  # noqa: S608
        assert references.table(reference, ("id", "size")).rows() == [(1, 7)]
        connection.execute(f"INSERT INTO {name}_of VALUES (2, 'of Mrs X')")  # noqa: S608
        with pytest.raises(ReferenceWrong, match=r"SQLSTATE 22P02") as caught:
            references.table(reference, ("id", "size"))
        assert "Mrs" not in str(caught.value)
        connection.execute(f"DROP TABLE {name}_of CASCADE")


def test_a_file_waits_until_its_reference_is_mended(
    kafka: Stack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = SourceBench(kafka.brokers, tmp_path)
    bench.configure(rules=[{"lookup": {"in": {"file": "lines.csv"}, "on": "line", "take": "name"}}])
    reference = bench.sources / "lines.csv"
    reference.write_text("line,name\n1,one\n2,two\n")
    settings = Settings(brokers=kafka.brokers, sources=bench.sources, data=bench.data)
    source = load_source(bench.sources / f"{bench.name}.yaml")
    assert isinstance(source, FileSource)
    run = Parts(settings, source, threading.Event()).start()
    reference.write_text("line,name\n1,one\n1,uno\n")
    bench.drop("a.csv", HEADER + "7,1,5\n7,2,5\n")
    work = threading.Thread(target=run.work_off)
    work.start()
    try:
        wait_until(lambda: "a file is loaded on after a failure" in caplog.messages, "the file waits")
        assert bench.keys() == {}
    finally:
        reference.write_text("line,name\n1,uno\n2,two\n")
        work.join(30)
    assert bench.keys() == {"7/1": 1, "7/2": 1}
    assert bench.letters() == []
    names = {json.loads(message.value() or b"")["name"] for message in bench.messages()}
    assert names == {"uno", "two"}
