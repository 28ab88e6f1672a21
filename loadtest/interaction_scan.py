"""Reads all that the pipeline holds of interactions, with a plain consumer and the driver alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from loadtest.interaction_checker import Logged, Stored
from loadtest.scan_cassandra import cassandra_session
from loadtest.scan_kafka import read_topic

_ROWS = "SELECT subject, id, kind FROM subject_records"


def scan(brokers: str, host: str, cassandra: int, experiment: str) -> Stored:
    """All of it, whoever it is about; of the experiments one."""
    features = {_key(message): message.value() for message in read_topic(brokers, "interactions.features")}
    with cassandra_session(host, cassandra) as session:
        rows = Counter((row.subject, row.id, row.kind) for row in session.execute(_ROWS))
    totals = {_key(message): message.value() for message in read_topic(brokers, "experiments.totals")}
    return Stored(
        raw=logged(brokers, "interactions.raw"),
        made=logged(brokers, "recommendations.made"),
        features={key: json.loads(value) for key, value in features.items() if value is not None},
        lessons=[json.loads(message.value() or b"") for message in read_topic(brokers, "interactions.lessons")],
        exposures=[json.loads(message.value() or b"") for message in read_topic(brokers, "interactions.exposures")],
        totals=[each for each in _records(totals.values()) if each["experiment"] == experiment],
        rows=rows,
        learned=learned(brokers),
    )


def logged(brokers: str, topic: str) -> list[Logged]:
    """The records of a topic with their append times, of each partition in order."""
    return [
        Logged(
            _key(message),
            int(message.partition() or 0),
            message.timestamp()[1] * 1_000,
            json.loads(message.value() or b""),
        )
        for message in read_topic(brokers, topic)
    ]


def learned(brokers: str) -> int:
    """Lessons and exposures in the newest version of the online model, of all sites."""
    newest = {
        _key(message): json.loads(message.value() or b"") for message in read_topic(brokers, "recommendations.models")
    }
    return sum(each["learned"] for each in newest.values())


def count(brokers: str, *topics: str) -> int:
    """Records of topics."""
    return sum(1 for topic in topics for _ in read_topic(brokers, topic))


def _records(values: Iterable[bytes | None]) -> list[dict[str, Any]]:
    return [json.loads(value) for value in values if value is not None]


def _key(message: Any) -> str:
    key: bytes = message.key() or b""
    return key.decode()
