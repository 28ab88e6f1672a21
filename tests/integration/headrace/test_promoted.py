"""What a server hears of promotions, through a real Kafka."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from confluent_kafka import Producer as PlainProducer

from deploy.local.stack import Stack
from headrace.errors import TransientError
from headrace.kafka import Producer, producer_config
from headrace.models.promoted import OnChange, PromotedModels
from headrace.models.records import PROMOTED, Change, ModelVersion, Promotion, Withdrawal
from headrace.records import encode, headers_of
from headrace.testing import wait_until


def _promotion(name: str, revision: int) -> Promotion:
    return Promotion(name, revision, ModelVersion(revision, f"/artifacts/{revision}", "0" * 64), updated=revision)


def _write(brokers: str, *promotions: Promotion) -> None:
    producer = Producer(brokers, "test")
    for each in promotions:
        producer.produce(PROMOTED, encode(each), each.name.encode(), headers_of(each))
    producer.flush(10)


@contextmanager
def _following(brokers: str, on_change: OnChange) -> Iterator[tuple[PromotedModels, list[BaseException]]]:
    failures: list[BaseException] = []
    models = PromotedModels(brokers, on_change, failures.append)
    models.start(10)
    try:
        yield models, failures
    finally:
        models.stop()


@pytest.fixture
def name() -> str:
    return f"m{uuid4().hex[:12]}"


def test_a_start_tells_the_newest_of_each_model_once(stack: Stack, name: str) -> None:
    other = f"{name}_other"
    _write(stack.brokers, *(_promotion(name, revision) for revision in range(1, 6)), _promotion(other, 7))
    heard: list[Change] = []
    with _following(stack.brokers, heard.append) as (models, _):
        own = [each for each in heard if each.name.startswith(name)]
        assert own == [_promotion(name, 5), _promotion(other, 7)]
        assert models.get(name) == _promotion(name, 5)
        assert {name, other} <= set(models.names()) and models.get("never") is None


def test_a_change_is_heard_at_once(stack: Stack, name: str) -> None:
    _write(stack.brokers, _promotion(name, 1))
    heard = threading.Event()
    delays = []
    with _following(stack.brokers, lambda _: heard.set()) as (models, _):
        for revision in range(2, 12):
            heard.clear()
            _write(stack.brokers, _promotion(name, revision))
            written = time.monotonic()
            assert heard.wait(10)
            delays.append(time.monotonic() - written)
            assert models.get(name) == _promotion(name, revision)
    assert sorted(delays)[5] < 0.3, delays


def test_a_transaction_at_the_end_of_the_log_is_no_missing_record(stack: Stack, name: str) -> None:
    """The marker that ends it has an offset and is no record: a start that waited for one would wait in vain."""
    producer = PlainProducer(producer_config(stack.brokers, name, **{"transactional.id": name}))
    producer.init_transactions(10)
    promotion = _promotion(name, 1)
    for abort in (False, True):
        producer.begin_transaction()
        producer.produce(PROMOTED, encode(promotion), name.encode(), headers=list(headers_of(promotion)))
        promotion = _promotion(name, 2)
        producer.flush(10)
        (producer.abort_transaction if abort else producer.commit_transaction)(10)
    with _following(stack.brokers, lambda _: None) as (models, _):
        assert models.get(name) == _promotion(name, 1), "an aborted promotion is none"


def test_a_record_of_a_later_version_leaves_what_stood(stack: Stack, name: str) -> None:
    _write(stack.brokers, _promotion(name, 1))
    with _following(stack.brokers, lambda _: None) as (models, failures):
        before = models.undecodable
        producer = Producer(stack.brokers, "test")
        producer.produce(PROMOTED, b"{}", name.encode(), [("schema", b"promotion.v9")])
        producer.flush(10)
        wait_until(lambda: models.undecodable == before + 1, "the record to be passed over")
        assert models.get(name) == _promotion(name, 1) and not failures


def test_a_deleted_promotion_withdraws_the_model(stack: Stack, name: str) -> None:
    _write(stack.brokers, _promotion(name, 1))
    heard: list[Change] = []
    with _following(stack.brokers, heard.append) as (models, _):
        producer = Producer(stack.brokers, "test")
        producer.produce(PROMOTED, None, name.encode())
        producer.flush(10)
        wait_until(lambda: Withdrawal(name) in heard, "the withdrawal")
        assert models.get(name) is None and name not in models.names()
        heard.clear()
        producer.produce(PROMOTED, None, name.encode())
        producer.flush(10)
        _write(stack.brokers, _promotion(name, 2))
        wait_until(lambda: heard, "the next promotion")
        assert heard == [_promotion(name, 2)], "what is gone is told once"
        producer.produce(PROMOTED, None, name.encode())
        producer.flush(10)
        wait_until(lambda: models.get(name) is None, "the withdrawal")
    with _following(stack.brokers, heard.append) as (models, _):
        assert models.get(name) is None
        assert not [each for each in heard[1:] if each.name == name and isinstance(each, Promotion)]


def test_a_record_that_can_be_read_takes_the_place_of_one_of_a_later_version(stack: Stack, name: str) -> None:
    with _following(stack.brokers, lambda _: None) as (models, _):
        before = models.undecodable
        producer = Producer(stack.brokers, "test")
        for _ in range(2):
            producer.produce(PROMOTED, b"{}", name.encode(), [("schema", b"promotion.v9")])
        producer.flush(10)
        wait_until(lambda: models.undecodable == before + 1, "the records to be passed over")
        _write(stack.brokers, _promotion(name, 1))
        wait_until(lambda: models.get(name), "the promotion")
        assert models.undecodable == before


def test_an_error_of_who_is_told_is_reported(stack: Stack, name: str) -> None:
    def refuse(promotion: Change) -> None:
        if promotion == _promotion(name, 1):
            raise RuntimeError("no memory for it")

    with _following(stack.brokers, refuse) as (_, failures):
        _write(stack.brokers, _promotion(name, 1))
        wait_until(lambda: failures, "the failure")
        assert "no memory for it" in str(failures[0])


def test_a_kafka_that_is_away_is_said_in_time() -> None:
    models = PromotedModels("127.0.0.1:1", lambda _: None, lambda _: None)
    begin = time.monotonic()
    with pytest.raises(TransientError, match=r"models\.promoted"):
        models.start(1)
    models.stop()
    assert time.monotonic() - begin < 10
