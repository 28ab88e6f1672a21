"""`headrace replay` with the rules of process_interactions: the same again, and nothing of who is erased."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from deploy.local.stack import Stack
from headrace.cli import build_cli
from headrace.interactions.records import FEATURES, LESSONS, Interaction, Lesson, UserFeatures
from headrace.kafka import headers_of_message
from headrace.range_reader import RangeReader
from headrace.records import decode
from headrace.replay.ranges import find_ranges
from headrace.testing import wait_until
from tests.integration.process_interactions.interaction_process import InteractionProcess, interaction_process

SUBJECTS = 12


@pytest.fixture
def interactions(stack: Stack, tmp_path: Path) -> Iterator[InteractionProcess]:
    with interaction_process(stack.brokers, tmp_path, 3.0) as process:
        yield process


def replay(process: InteractionProcess, *arguments: str) -> None:
    done = CliRunner().invoke(build_cli(), ["replay", *arguments, "--brokers", process.brokers], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def values_of(process: InteractionProcess, topic: str) -> dict[str, list[object]]:
    """The records of the test's subjects, of each in order; None for a tombstone."""
    found: dict[str, list[object]] = {}
    for number, (start, end) in enumerate(find_ranges(process.brokers, [topic], 0, None)[topic]):
        reader = RangeReader(process.brokers, topic, number)
        reader.start(start, end)
        while not reader.is_done:
            for message in reader.read():
                key = (message.key() or b"").decode()
                if key.startswith(process.name):
                    value = message.value()
                    record = None if value is None else decode(value, headers_of_message(message))
                    found.setdefault(key, []).append(record)
        reader.close()
    return found


@pytest.mark.timeout(300)
def test_a_replay_gives_the_same_and_brings_nothing_back(interactions: InteractionProcess) -> None:
    since, name = time.time(), f"r{uuid4().hex[:8]}"
    now = round(since * 1e6)
    canary = interactions.subject(0)
    interactions.send(
        Interaction(f"e{at}", "default", interactions.subject(at % SUBJECTS), "view", now + at, now, f"i{at}")
        for at in range(SUBJECTS * 10)
    )
    interactions.start()

    def all_learned() -> bool:
        interactions.read()
        return len(interactions.lessons) == SUBJECTS * 10

    wait_until(all_learned, f"the lessons; the worker said {interactions.said()}", 90)
    interactions.erase(canary, now)

    def is_erased() -> bool:
        interactions.read()
        return interactions.features.get(canary, interactions) is None

    wait_until(is_erased, f"the erasure; the worker said {interactions.said()}", 60)
    replay(interactions, "interactions.raw", "--from", f"{since - 1:.3f}", "--into", name)
    live, again = values_of(interactions, FEATURES), values_of(interactions, f"{FEATURES}.{name}")
    assert {subject: records[-1] for subject, records in again.items()} == {
        subject: records[-1] for subject, records in live.items()
    }
    assert isinstance(live[canary][0], UserFeatures) and again[canary] == [None]
    lessons, learned_again = values_of(interactions, LESSONS), values_of(interactions, f"{LESSONS}.{name}")
    taken_back = lessons.pop(canary)[-1]
    assert isinstance(taken_back, Lesson) and taken_back.kind == "forget"
    assert learned_again == lessons
    replay(interactions, "drop", name, "--yes")
