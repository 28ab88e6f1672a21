"""The judged ratings through Kafka, in the order of time: `make bench NAME=recommend_kafka`.

`recommend.py` asks at each of 100,000 moments before it goes on, so it runs the recommender without Kafka. Here the
same ratings, with the append times at which they were made, go through `interactions.raw` and process_interactions, and
the lessons and features that come out are compared with those that `recommend.py` learns from.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import time
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from confluent_kafka import Producer as KafkaProducer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource

from deploy.local.stack import Stack
from deploy.local.temporary import FOLDER, temporary_stack
from headrace.interactions.lessons import lesson_of
from headrace.interactions.records import FEATURES, LESSONS, RAW, Interaction, Lesson, UserFeatures
from headrace.interactions.user_features import taken
from headrace.kafka import client_config, producer_config
from headrace.records import encode, headers_of
from headrace.testing import wait_until
from loadtest import results
from loadtest.recommend_data import movies
from loadtest.scan_kafka import read_topic, unread

_SERVICE = "process_interactions"
# The ratings are of half a year, in which many people are silent for longer than the 90 days that a service remembers.
_NOBODY_FORGOTTEN = {"PROCESS_INTERACTIONS_FORGET_AFTER_S": str(10 * 365 * 86_400)}
_ROOM = 10_000
_DONE_S = 600.0


def main() -> None:
    """Compares, prints, and writes results/recommend_kafka.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, help="only so many ratings; writes nothing")
    options = parser.parse_args()
    ratings = [_known_in_kafka(each) for moment in movies().moments[: options.first] for each in moment.interactions]
    with temporary_stack(FOLDER / "recommend_kafka") as stack:
        began = time.monotonic()
        lessons, features = through_kafka(stack, ratings)
        took = time.monotonic() - began
    expected_lessons, expected_features = plainly(ratings)
    figures: dict[str, Any] = {
        "ratings": len(ratings),
        "seconds": round(took, 1),
        "lessons": compared(_by_rating(lessons), _by_rating(expected_lessons)),
        "features": compared({each.subject: each for each in features}, expected_features),
    }
    print(figures)
    if options.first is None:
        print(f"written to {results.write('recommend_kafka', 'make bench NAME=recommend_kafka', figures)}")


def through_kafka(stack: Stack, ratings: Iterable[Interaction]) -> tuple[list[Lesson], list[UserFeatures]]:
    """The lessons, and the newest features of everybody, that process_interactions makes of ratings."""
    stack.up("kafka")
    stack.create_topics()
    _keep_times(stack.brokers, RAW)
    # The library's own client, as only here a record's time is not that of its append.
    producer = KafkaProducer(producer_config(stack.brokers, "loadtest", **{"linger.ms": 50}))
    for place, each in enumerate(ratings):
        at = each.time // 1_000
        headers: list[tuple[str, str | bytes | None]] = [*headers_of(each)]
        producer.produce(RAW, encode(each), each.subject.encode(), headers=headers, timestamp=at)
        if place % _ROOM == 0:
            producer.flush(60)
    if left := producer.flush(60):
        raise SystemExit(f"{left} ratings are not in Kafka")
    stack.start(_SERVICE, _NOBODY_FORGOTTEN)
    stack.wait_ready(_SERVICE)
    wait_until(lambda: unread(stack.brokers)[f"{_SERVICE}/{RAW}"] == 0, "all ratings to be taken", _DONE_S, every=0.5)
    stack.stop(_SERVICE)
    newest = {message.key(): message.value() for message in read_topic(stack.brokers, FEATURES)}
    lessons = [message.value() for message in read_topic(stack.brokers, LESSONS)]
    return list(_decoded(lessons, Lesson)), list(_decoded(newest.values(), UserFeatures))


def plainly(ratings: Iterable[Interaction]) -> tuple[list[Lesson], dict[str, UserFeatures]]:
    """The same by the rules alone, as `recommend_system` does it."""
    users: dict[str, UserFeatures] = {}
    lessons = []
    for each in ratings:
        lesson = lesson_of(users.get(each.subject), each)
        if lesson is not None:
            lessons.append(lesson)
        users[each.subject] = taken(users.get(each.subject), each, each.time)
    return lessons, users


def compared(found: dict[Any, Any], expected: dict[Any, Any]) -> dict[str, int]:
    """How many are equal, differ, are missing, and are there without being expected."""
    both = found.keys() & expected.keys()
    equal = sum(found[key] == expected[key] for key in both)
    return {
        "equal": equal,
        "different": len(both) - equal,
        "missing": len(expected.keys() - both),
        "unexpected": len(found.keys() - both),
    }


def _known_in_kafka(rating: Interaction) -> Interaction:
    """The rating under a subject as there are in Kafka, the same one for the same person."""
    digest = hashlib.sha256(rating.subject.encode()).digest()[:16]
    return msgspec.structs.replace(rating, subject=base64.urlsafe_b64encode(digest).decode().rstrip("="))


def _by_rating(lessons: Iterable[Lesson]) -> dict[tuple[str, str | None, int], Lesson]:
    return {(each.subject, each.item, each.time): each for each in lessons}


def _decoded(values: Iterable[bytes | None], kind: type[Any]) -> Iterator[Any]:
    decoder = msgspec.json.Decoder(kind)
    return (decoder.decode(value) for value in values if value is not None)


def _keep_times(brokers: str, topic: str) -> None:
    """Lets the topic keep the times that records are written with, however old."""
    changes = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in (("message.timestamp.type", "CreateTime"), ("retention.ms", "-1"))
    ]
    wanted = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=changes)
    admin = AdminClient(client_config(brokers))
    for done in admin.incremental_alter_configs([wanted]).values():
        done.result(30)
    asked = ConfigResource(ConfigResource.Type.TOPIC, topic)

    def keeps_them() -> bool:
        (found,) = admin.describe_configs([asked]).values()
        return bool(found.result(30)["message.timestamp.type"].value == "CreateTime")

    wait_until(keeps_them, f"{topic} to keep times", 30)


if __name__ == "__main__":
    main()
