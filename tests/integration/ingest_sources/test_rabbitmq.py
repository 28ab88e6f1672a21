"""Messages of a queue on real RabbitMQ: each once, whatever is killed, and equal ones as often as they were sent."""

import json
import os
import random
import signal
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pika
import pytest

from deploy.local.stack import Stack
from headrace.errors import ConfigurationError, TransientError
from headrace.testing import wait_until
from ingest_sources.rabbitmq.rabbitmq_feed import rabbitmq_connector
from ingest_sources.rabbitmq.rabbitmq_source import DeclareOptions
from tests.integration.ingest_sources.command import Command
from tests.integration.ingest_sources.feed_bench import FeedBench
from tests.integration.ingest_sources.queue_reader import QueueReader
from tests.integration.ingest_sources.shop_queue import ShopQueue

pytestmark = pytest.mark.integration
POISON = (b"<order/>", b"", b'[{"id": 1}, 2]', b'{"id": 1e400}')


@pytest.fixture(scope="module")
def rabbitmq(kafka: Stack) -> Stack:
    kafka.up("rabbitmq")
    return kafka


@pytest.fixture
def queue(rabbitmq: Stack) -> ShopQueue:
    return ShopQueue(rabbitmq.amqp_url)


@pytest.fixture
def bench(rabbitmq: Stack, queue: ShopQueue, tmp_path: Path) -> FeedBench:
    bench = FeedBench(rabbitmq.brokers, tmp_path)
    bench.secret("rabbit_password", "guest")
    bench.configure({"kind": "rabbitmq", "rabbitmq": queue.options(prefetch=500)})
    return bench


def each_once(count: int) -> dict[str, int]:
    return {str(number): 1 for number in range(count)}


def rows(first: int, count: int) -> list[bytes]:
    return [json.dumps({"id": number}).encode() for number in range(first, first + count)]


def is_under_way(bench: FeedBench) -> bool:
    entry = bench.entry()
    return entry is not None and entry.delivered > 0


def test_kills_in_a_row_lose_and_double_nothing(bench: FeedBench, queue: ShopQueue) -> None:
    """Before the commit, between it and the acknowledgement, and after that."""
    queue.send_rows(0, 4_000)
    queue.send([b'{"id": 4000}'] * 1_000)
    for step, count in (("produced", 1), ("committed", 1), ("told", 1)):
        bench.kill_at(step, count)
    bench.run()
    assert bench.keys() == {**each_once(4_000), "4000": 1_000}
    entry = bench.entry()
    assert entry is not None
    assert (entry.cursor or {})["rows"] == 5_000
    assert queue.waiting() == 0


def test_rabbitmq_killed_amid_loses_and_doubles_nothing(bench: FeedBench, queue: ShopQueue, rabbitmq: Stack) -> None:
    """Killed so, it forgets acknowledgements that it had confirmed."""
    count = 20_000
    queue.send_rows(0, count)
    process = bench.start(silence_s=60.0)
    wait_until(lambda: is_under_way(bench), "the first part")
    rabbitmq.kill("rabbitmq")
    assert bench.keys().total() < count
    rabbitmq.up("rabbitmq")
    wait_until(lambda: bench.keys().total() >= count, f"{count} rows")
    queue.wait_for(0)
    process.terminate()
    assert process.wait(30) == 0, bench.log_tail()
    assert bench.keys() == each_once(count)


def test_sigterm_leaves_in_the_queue_what_is_not_in_kafka(bench: FeedBench, queue: ShopQueue) -> None:
    queue.send_rows(0, 20_000)
    process = bench.start(silence_s=60.0)
    wait_until(lambda: is_under_way(bench), "the first part")
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0, bench.log_tail()
    delivered = bench.keys().total()
    assert 0 < delivered < 20_000
    queue.wait_for(20_000 - delivered)


def test_unreadable_bodies_are_dead_letters_and_go_to_the_dead_letter_exchange(
    bench: FeedBench, queue: ShopQueue
) -> None:
    name, refused = f"{queue.name}-own", f"{queue.name}-refused"
    with queue.channel() as channel:
        channel.exchange_declare(f"{name}-dlx", "fanout")
        channel.queue_declare(refused, durable=True)
        channel.queue_bind(refused, f"{name}-dlx")
    declare = {
        "exchange": f"{name}-shop",
        "exchange_type": "topic",
        "routing_keys": ["order.*"],
        "dead_letter_exchange": f"{name}-dlx",
    }
    options = queue.options(queue=name, declare=declare, reject_to_dlx=True, columns=["routing_key", "headers.shop"])
    bench.configure({"kind": "rabbitmq", "rabbitmq": options})
    bench.run(silence_s=0.1)
    for position, poison in enumerate(POISON):
        queue.send(rows(position * 10, 10), f"{name}-shop", "order.new", headers={"shop": "oslo"})
        queue.send([poison], f"{name}-shop", "order.bad")
    bench.run()
    assert bench.keys() == each_once(40)
    letters = bench.letters()
    assert Counter(letter.value for letter in letters) == Counter(POISON)
    assert {letter.source.topic for letter in letters} == {f"sources/{bench.name}/{name}"}
    assert json.loads(bench.messages()[0].value() or b"")["__routing_key"] == "order.new"
    queue.wait_for(len(POISON), refused)
    assert queue.waiting(name) == 0


def test_check_shows_messages_and_leaves_them(
    bench: FeedBench, queue: ShopQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.send_rows(0, 3)
    assert '{"id":0,"amount":0.0}' in Command(bench.environment(), monkeypatch)("check", bench.name)
    queue.wait_for(3)
    bench.run()
    assert bench.keys() == each_once(3)


@pytest.mark.parametrize(
    "arguments",
    [
        DeclareOptions(type="classic").queue_arguments,
        DeclareOptions(type="quorum").queue_arguments,
        {"x-queue-type": "quorum"},
    ],
)
def test_a_reader_that_dies_anywhere_delivers_each_message_as_often_as_it_was_sent(
    rabbitmq: Stack, arguments: dict[str, Any]
) -> None:
    """Half of the messages are equal to others; each is read by one process after the other."""
    seed = int(os.environ.get("HEADRACE_SEED", random.randrange(1 << 32)))
    print(f"HEADRACE_SEED={seed}")  # noqa: T201 - to repeat it
    chance = random.Random(seed)
    queue = ShopQueue(rabbitmq.amqp_url, arguments)
    sent = [chance.choice((number, number // 20)) for number in range(600)]
    queue.send(json.dumps({"id": number}).encode() for number in sent)
    queue.send(POISON)
    reader = QueueReader(queue.model(prefetch=50))
    while reader.delivered < len(sent) + len(POISON):
        reader.read(len(sent) + len(POISON), lambda: chance.random() < 0.1)
    queue.send(rows(1_000, 1))
    reader.read(reader.delivered + 1)
    assert reader.rows == Counter([*sent, 1_000])
    assert reader.bad == Counter(POISON)
    assert reader.numbers == list(range(1, len(reader.numbers) + 1))
    queue.wait_for(0)


def test_an_equal_message_is_told_from_one_that_comes_again(queue: ShopQueue) -> None:
    """One is delivered and acknowledged; the next is given out, and the process dies with it."""
    reader = QueueReader(queue.model())
    for _ in range(3):
        queue.send(rows(7, 1))
        reader.read(1)
        queue.send(rows(7, 1))
        with reader.feed() as (_, parts):
            next(parts)
        reader.read(1)
    assert reader.rows == {7: 6}


def test_nothing_is_given_out_until_the_cursor_says_that_the_round_is_acknowledged(queue: ShopQueue) -> None:
    """Otherwise an equal message would be taken for the one that was acknowledged, if the process died then."""
    queue.send(rows(0, 1))
    with closing(rabbitmq_connector(queue.model(), "guest")()) as feed:
        parts = feed.parts(None)
        part = next(part for part in parts if part)
        feed.committed(part)
        cleared = next(parts)
        assert cleared is not None and cleared.cursor == {"rows": 1}
        queue.send(rows(0, 1))
        assert [next(parts) for _ in range(20)] == [None] * 20
        assert queue.waiting() == 1
        feed.committed(cleared)
        assert next(part for part in parts if part).cursor["rows"] == 2


def test_messages_that_a_dead_connection_still_holds_are_known_when_they_come(queue: ShopQueue) -> None:
    """The network failed, so the broker doesn't know yet that it is dead: newer ones come first."""
    reader = QueueReader(queue.model())
    queue.send(rows(0, 10))
    with reader.feed() as (_, parts):
        reader.commit(next(parts))
        queue.send(rows(10, 5))
        reader.read(15)
        assert reader.rows == {number: 1 for number in range(15)}
    queue.wait_for(10)
    queue.send(rows(15, 1))
    reader.read(16)
    assert reader.rows == {number: 1 for number in range(16)}
    queue.wait_for(0)


def test_kafka_that_stalls_costs_the_connection_and_nothing_else(queue: ShopQueue) -> None:
    """While a commit takes long nobody answers the broker's heartbeats, so it gives the messages back."""
    reader = QueueReader(queue.model(heartbeat_seconds=1))
    queue.send(rows(0, 10))
    with reader.feed() as (feed, parts):
        part = next(parts)
        queue.wait_for(10)
        reader.commit(part)
        with pytest.raises(TransientError, match="is away"):
            feed.committed(part)
    reader.read(10)
    assert reader.rows == {number: 1 for number in range(10)}
    queue.wait_for(0)


def test_a_message_over_the_limit_is_a_dead_letter_and_large_ones_come_in_smaller_rounds(queue: ShopQueue) -> None:
    text = "x" * 9_000_000
    queue.send([b'{"id": "large", "text": "%s"}' % (text * 2).encode()])
    queue.send([b'{"id": "%d", "text": "%s"}' % (number, text.encode()) for number in range(5)])
    reader = QueueReader(queue.model(max_body_mb=17))
    with reader.feed() as (feed, parts):
        for part in parts:
            reader.take(feed, part)
            assert sum(section.rows.table.height for section in part.sections) < 5
            if reader.delivered == 6:
                break
    assert reader.rows == {str(number): 1 for number in range(5)}
    assert reader.bad.total() == 1


class OddProperties(pika.BasicProperties):  # type: ignore[misc] # pika has no types
    """Those of a publisher that sends times in milliseconds."""

    def encode(self) -> list[bytes]:
        return [b"".join(super().encode()).replace(b"\x02atl", b"\x02atT")]


def test_no_property_of_a_message_stops_the_queue(queue: ShopQueue) -> None:
    names: dict[Any, Any] = {b"\xff": 1, "shop": {b"\xfe": 1}}
    odd = [
        pika.BasicProperties(content_type=b"\xff", message_id=b"\xff", headers=names),
        OddProperties(headers={"at": 1_700_000_000_000}),
        pika.BasicProperties(headers={"at": 1}),
    ]
    with queue.channel() as channel:
        for number, properties in enumerate(odd):
            channel.basic_publish("", queue.name, b'{"id": %d}' % number, properties)
    queue.wait_for(3)
    reader = QueueReader(queue.model(columns=["headers.shop", "headers.at", "message_id"]))
    reader.read(0, lambda: True)
    reader.read(3)
    assert reader.rows == {0: 1, 1: 1, 2: 1}
    queue.wait_for(0)


def test_a_round_with_room_for_what_is_unsure_is_not_larger_than_that_in_bytes(queue: ShopQueue) -> None:
    """Many small messages are unsure, and as many large ones come flagged."""
    reader = QueueReader(queue.model(prefetch=20))
    queue.send(rows(100, 16))
    with reader.feed() as (feed, parts):
        reader.take(feed, next(parts))
    queue.send([b'{"id": %d, "text": "%s"}' % (number, b"x" * 4_000_000) for number in range(14)])
    with queue.channel() as channel:
        assert all(channel.basic_get(queue.name)[0] for _ in range(14))
    queue.wait_for(14)
    with reader.feed() as (feed, parts):
        part = next(parts)
        assert sum(section.rows.table.height for section in part.sections) == 9
        reader.take(feed, part)
    reader.read(30)
    assert reader.rows == {number: 1 for number in (*range(14), *range(100, 116))}


def test_a_quorum_queue_keeps_order_and_messages_however_often_they_come_in_vain(queue: ShopQueue) -> None:
    """Without a limit RabbitMQ 3 puts at its end what is given back, and RabbitMQ 4 drops what comes 20 times."""
    name = f"{queue.name}-quorum"
    reader = QueueReader(queue.model(queue=name, declare={"type": "quorum"}))
    with reader.feed() as (feed, _):
        feed.sample()
    queue.send(rows(0, 30), "", name)
    for _ in range(25):
        with reader.feed() as (feed, _):
            feed.sample()
    reader.read(30)
    assert list(reader.rows.elements()) == list(range(30))
    queue.wait_for(0, name)


def test_a_quorum_queue_without_a_limit_is_told(queue: ShopQueue) -> None:
    plain = ShopQueue(queue.url, {"x-queue-type": "quorum"})
    with pytest.raises(ConfigurationError, match=r"x-delivery-limit.*leave `declare` out"):
        QueueReader(plain.model(declare={"type": "quorum"})).read(0)


def test_a_deleted_queue_is_looked_for_again(queue: ShopQueue) -> None:
    with closing(rabbitmq_connector(queue.model(), "guest")()) as feed:
        parts = feed.parts(None)
        assert next(parts) is None
        with queue.channel() as channel:
            channel.queue_delete(queue.name)
        with pytest.raises(TransientError, match="was deleted"):
            next(parts)
    with pytest.raises(ConfigurationError, match=r"no queue .* Make it, or add `declare`"):
        QueueReader(queue.model()).read(0)


def test_another_consumer_is_told_unless_the_queue_is_shared(queue: ShopQueue) -> None:
    queue.send(rows(0, 1))
    with queue.channel() as other:
        other.basic_qos(prefetch_count=1)
        other.basic_consume(queue.name, lambda *_: None)
        with pytest.raises(TransientError, match=r"1 other consumers.*shared: true"):
            QueueReader(queue.model(heartbeat_seconds=1)).read(0)
        queue.send(rows(1, 1))
        reader = QueueReader(queue.model(shared=True))
        reader.read(1)
    assert reader.delivered == 1


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"user": "nobody"}, ConfigurationError, "refuses user 'nobody'"),
        ({"vhost": "other"}, ConfigurationError, "vhost 'other'"),
        ({"queue": "none"}, ConfigurationError, "no queue 'none' in vhost '/'.*add `declare`"),
        ({"declare": {"durable": False}}, ConfigurationError, "inequivalent arg 'durable'"),
        ({"declare": {"exchange": "none", "routing_keys": ["a"]}}, ConfigurationError, "no exchange 'none'"),
        ({"tls": True, "ca_file": "none.pem"}, ConfigurationError, "ca_file none.pem can't be used"),
        ({"tls": True, "heartbeat_seconds": 1}, TransientError, "is away"),
        ({"port": 1}, TransientError, "127.0.0.1:1 is away"),
    ],
)
def test_what_a_person_must_mend_is_said(
    queue: ShopQueue, options: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        QueueReader(queue.model(**options)).read(0)
