"""The checker passes a good history and finds each way in which one can be broken."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from loadtest.checker import Dead, Row, Verdict, judge
from loadtest.history import Accepted, Event, HistoryWriter, Sent, read
from loadtest.window_counts import WindowDifference, compare, expected_counts

START = 1_700_000_000_000_000


@dataclass
class World:
    """A run in which nothing went wrong, for a test to break."""

    history: list[Event] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    letters: list[Dead] = field(default_factory=list)
    unread: dict[str, int] = field(default_factory=lambda: {"sink_cassandra/readings.clean": 0})

    def verdict(self) -> Verdict:
        return judge(self.history, self.rows, self.letters, self.unread)


@pytest.fixture
def world() -> World:
    world = World()
    for number in range(300):
        bad = "malformed_json" if number % 50 == 7 else ""
        values = {} if bad else {"flow": number / 3, "count": number}
        sent = Sent(number, f"meter-{number % 5}", START + number * 1_000, dict(values), str(number), bad=bad)
        world.history += [sent, Accepted(number, "readings.raw", 0, number)]
        world.rows += [Row(sent.device, metric, sent.time, value) for metric, value in values.items()]
        if bad:
            world.letters.append(Dead(bad, ("readings.raw", 0, number), number))
    return world


def failures(world: World) -> set[str]:
    verdict = world.verdict()
    return {kind for kind, cases in verdict.failures.items() if cases}


def test_good_history_passes_in_any_order(world: World) -> None:
    random.Random(1).shuffle(world.rows)
    verdict = world.verdict()
    assert verdict.passed, verdict.summary()
    assert (verdict.sent, verdict.accepted, verdict.readings_due, verdict.dead_messages) == (300, 300, 588, 6)


def test_one_drop_fails(world: World) -> None:
    del world.rows[123]
    assert failures(world) == {"accepted and lost"}


def test_one_duplicate_fails(world: World) -> None:
    world.rows.append(world.rows[55])
    assert failures(world) == {"stored twice"}


def test_one_swap_fails(world: World) -> None:
    first, second = world.rows[10], world.rows[20]
    world.rows[10], world.rows[20] = replace(first, value=second.value), replace(second, value=first.value)
    assert failures(world) == {"accepted and lost", "stored with another value"}


def test_reading_at_another_time_fails(world: World) -> None:
    world.rows[10] = replace(world.rows[10], time=START - 1)
    assert failures(world) == {"accepted and lost", "stored and never sent"}


def test_dropped_dead_letter_fails(world: World) -> None:
    del world.letters[0]
    assert failures(world) == {"accepted and lost"}


def test_good_message_in_dead_letters_fails(world: World) -> None:
    world.letters.append(Dead("malformed_json", ("readings.raw", 0, 3), 3))
    assert failures(world) == {"both stored and dead-lettered", "dead-lettered for another reason"}


def test_reading_both_stored_and_dead_fails(world: World) -> None:
    row = world.rows[0]
    world.letters.append(Dead("invalid_record", ("readings.clean", 0, 3), key=(row.device, row.metric, row.time)))
    assert failures(world) == {"both stored and dead-lettered"}


def test_unknown_dead_letter_fails(world: World) -> None:
    world.letters.append(Dead("empty_body", ("readings.raw", 0, 9_999)))
    assert failures(world) == {"dead letter of what was never sent"}


def test_consumer_that_is_behind_fails(world: World) -> None:
    world.unread["process_readings/readings.raw"] = 2
    assert failures(world) == {"not read to the end"}


def test_receipt_for_nothing_fails(world: World) -> None:
    world.history.append(Accepted(5_000, "readings.raw", 0, 1))
    assert failures(world) == {"receipt for what was never sent"}


def test_message_without_receipt_may_be_there_or_not(world: World) -> None:
    world.history = [event for event in world.history if not (isinstance(event, Accepted) and event.number in (3, 4))]
    world.rows = [row for row in world.rows if row.time != START + 4_000]
    assert world.verdict().passed


def test_message_sent_again_counts_once(world: World) -> None:
    world.history.append(world.history[0])
    assert world.verdict().passed


def test_two_values_at_one_time_are_two_readings(world: World) -> None:
    first = world.history[0]
    assert isinstance(first, Sent)
    other = Sent(1_000, first.device, first.time, {"flow": 99.5}, "1000")
    world.history += [other, Accepted(1_000, "readings.raw", 0, 1_000)]
    assert failures(world) == {"accepted and lost"}
    world.rows.append(Row(first.device, "flow", first.time, 99.5))
    assert world.verdict().passed


def test_history_survives_a_cut_last_line(tmp_path: Path, world: World) -> None:
    path = tmp_path / "history.jsonl"
    with HistoryWriter(path) as writer:
        writer.add(world.history)
    with path.open("ab") as file:
        file.write(b'{"event":"sent","num')
    assert list(read(path)) == world.history


def some_messages() -> Iterator[Event]:
    for number in range(25):
        yield Sent(number, "m", number * 1_000_000, {"flow": 1.0, "open": True, "name": "x"}, str(number))
        yield Accepted(number, "readings.raw", 0, number)
        yield Sent(number, "m", number * 1_000_000, {"flow": 1.0, "open": True, "name": "x"}, str(number))


def test_window_counts_are_of_distinct_numeric_readings() -> None:
    expected = expected_counts(some_messages())
    assert expected == {
        ("m", "flow", 10_000_000, 0): 10,
        ("m", "flow", 10_000_000, 10_000_000): 10,
        ("m", "flow", 10_000_000, 20_000_000): 5,
        ("m", "flow", 60_000_000, 0): 25,
    }
    stored = {**expected, ("m", "flow", 10_000_000, 0): 8, ("m", "flow", 10_000_000, 20_000_000): 6}
    assert compare(expected, stored) == WindowDifference(due=4, right=2, readings_lacking=2, readings_too_many=1)
