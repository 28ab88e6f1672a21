"""Sums over people: who is counted, with what, once, whatever the order in which the topics are read."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.experiments.accumulators import MAX_RECENT
from headrace.experiments.experiment import Experiment
from headrace.experiments.parts import Part
from headrace.experiments.task_totals import TaskTotals, key_of
from headrace.interactions.records import Sums
from tests.unit.headrace.experiments.trying import DAY, HOUR, T0, Anna, experiment


def test_what_a_person_does_in_the_window_counts_once_it_has_closed() -> None:
    anna = Anna(experiment())
    anna.is_shown(T0, variety="varied")
    anna.does(T0 + HOUR, value=12.5)
    anna.does(T0 + 2 * HOUR, value=0.5)
    assert anna.record().enrolled == 1 and anna.rules.due(anna.part) == T0 + DAY
    anna.passes(T0 + DAY - 1)
    assert anna.sums("revenue") == Sums()
    anna.passes(T0 + DAY)
    assert anna.sums("revenue") == Sums(1, 1300, 1300**2) and anna.sums("bought") == Sums(1, 1, 1)
    anna.passes(T0 + 2 * DAY)
    assert anna.sums("bought").n == 1 and anna.rules.due(anna.part) is None


def test_the_window_begins_with_the_answer_and_its_end_is_outside() -> None:
    anna = Anna(experiment())
    anna.is_shown(T0, variety="varied")
    anna.does(T0, value=1)
    anna.does(T0 + DAY, value=10)
    anna.passes(T0 + DAY)
    assert anna.sums("revenue").y == 100


def test_only_the_first_answer_is_an_exposure() -> None:
    anna = Anna(experiment())
    anna.is_shown(T0, variety="varied")
    anna.is_shown(T0 + HOUR, variety="control")
    anna.passes(T0 + DAY)
    assert anna.record().enrolled == 1
    assert anna.totals.arms() == [("variety", "varied")]


@pytest.mark.parametrize(
    ("changes", "arms"),
    [
        ({}, {"other": "varied"}),
        ({}, {"variety": "gone"}),
        ({"start": "2026-06-01T00:00:00Z"}, {"variety": "varied"}),
        ({"end": "2025-12-31T00:00:00Z"}, {"variety": "varied"}),
        ({"target": {"site": "elsewhere"}}, {"variety": "varied"}),
    ],
)
def test_an_answer_outside_of_the_experiment_is_no_exposure(changes: dict[str, Any], arms: dict[str, str]) -> None:
    anna = Anna(experiment(**changes))
    anna.is_shown(T0, **arms)
    assert anna.part.enrolments == [] and anna.totals.arms() == []


def test_what_was_done_in_the_days_before_is_the_covariate() -> None:
    anna = Anna(experiment())
    anna.does(T0 - 15 * DAY, value=1)
    anna.does(T0 - 14 * DAY, value=2)
    anna.does(T0 - 3 * DAY, value=4)
    anna.does(T0 - HOUR, value=8)
    anna.is_shown(T0, variety="varied")
    anna.does(T0 + HOUR, value=3)
    anna.passes(T0 + DAY)
    assert anna.sums("revenue") == Sums(1, 300, 300**2, 1400, 1400**2, 300 * 1400)
    assert anna.sums("bought") == Sums(1, 1, 1, 1, 1, 1)


def test_no_past_is_kept_where_none_is_asked_for() -> None:
    anna = Anna(experiment(statistics={"past_days": 0}))
    anna.does(T0 - 3 * DAY, value=4)
    anna.does(T0 - HOUR, value=8)
    anna.is_shown(T0, variety="varied")
    anna.does(T0 + HOUR, value=3)
    anna.passes(T0 + DAY)
    assert anna.sums("revenue") == Sums(1, 300, 300**2)


def test_one_odd_person_adds_no_more_than_the_cap() -> None:
    anna = Anna(experiment())
    anna.is_shown(T0, variety="varied")
    anna.does(T0 + HOUR, value=1e12)
    anna.does(T0 + HOUR, value=float("nan"))
    anna.passes(T0 + DAY)
    assert anna.sums("revenue").y == 100 * 100


def test_only_kinds_of_the_metric_count_and_attributed_ones_by_their_answer() -> None:
    anna = Anna(experiment())
    anna.is_shown(T0, variety="varied")
    anna.does(T0 + 1, "click")
    anna.does(T0 + 2, "click", recommendation="r")
    anna.does(T0 + 3, "view", recommendation="r")
    anna.does(T0 + 4, "impression", recommendation="r")
    anna.passes(T0 + DAY)
    assert anna.sums("clicks").y == 1 and anna.sums("bought") == Sums(1)


def test_weights_are_summed_in_hundredths() -> None:
    anna = Anna(experiment(metrics={"worth": {"measure": "weight", "kinds": ["click", "purchase"]}}, primary="worth"))
    anna.is_shown(T0, variety="varied")
    anna.does(T0 + 1, "click")
    anna.does(T0 + 2)
    anna.passes(T0 + DAY)
    assert anna.sums("worth").y == 1000


def test_what_is_read_late_mends_the_sums() -> None:
    anna = Anna(experiment())
    anna.is_shown(T0, variety="varied")
    anna.passes(T0 + 2 * DAY)
    anna.does(T0 + HOUR, value=7)
    anna.does(T0 - HOUR, value=2)
    assert anna.sums("revenue") == Sums(1, 700, 700**2, 200, 200**2, 700 * 200)


def test_a_forgotten_person_leaves_no_trace() -> None:
    anna = Anna(experiment(), experiment(name="other"))
    anna.is_shown(T0, variety="varied", other="control")
    anna.does(T0 + HOUR, value=7)
    anna.passes(T0 + DAY)
    anna.is_shown(T0 + DAY, other="control")
    anna.is_forgotten()
    assert anna.part.is_empty()
    for arm, name in (("varied", "variety"), ("control", "other")):
        assert anna.record(arm, name).enrolled == 0
        assert all(each == Sums() for each in anna.record(arm, name).metrics.values())


def test_a_new_revision_begins_anew() -> None:
    anna = Anna(experiment())
    anna.is_shown(T0, variety="varied")
    anna.does(T0 + HOUR, value=7)
    anna.passes(T0 + DAY)
    after = Anna(experiment(revision=2))
    after.part, after.totals = anna.part, anna.totals
    after.does(T0 + 2 * HOUR, value=7)
    assert after.rules.due(after.part) is None
    after.is_shown(T0 + 2 * DAY, variety="control")
    after.passes(T0 + 3 * DAY)
    assert after.record("control").revision == 2
    assert after.sums("revenue", "control") == Sums(1, 0, 0, 1400, 1400**2, 0)


def test_a_person_who_does_very_much_takes_bounded_memory() -> None:
    anna = Anna(experiment())
    for number in range(3 * MAX_RECENT):
        anna.does(T0 - DAY + number, value=0.01)
    assert len(anna.part.recent) == MAX_RECENT and len(anna.part.past) == 1
    anna.is_shown(T0, variety="varied")
    anna.passes(T0 + DAY)
    assert anna.sums("revenue").x == 3 * MAX_RECENT


def test_a_part_and_totals_survive_being_written() -> None:
    anna = Anna(experiment())
    anna.does(T0 - 3 * DAY, value=4)
    anna.does(T0 - HOUR, value=8)
    anna.is_shown(T0, variety="varied")
    again = Anna(experiment())
    again.part = msgspec.json.decode(msgspec.json.encode(anna.part), type=Part)
    again.totals.restore("variety", "varied", anna.totals.cell("variety", "varied"))
    for each in (anna, again):
        each.does(T0 + HOUR, value=3)
        each.passes(T0 + DAY)
    assert again.record() == anna.record() and anna.record().metrics
    assert key_of("variety", "varied", 3) == b"variety/varied/3"


def test_totals_say_what_changed() -> None:
    anna = Anna(experiment())
    anna.is_shown(T0, variety="varied")
    assert anna.totals.take_changed() == [("variety", "varied")] and anna.totals.take_changed() == []
    anna.does(T0 + HOUR)
    assert anna.totals.take_changed() == []


@dataclass(frozen=True)
class _Event:
    time: int
    kind: str
    value: float
    attributed: bool


_EVENTS = st.lists(
    st.builds(
        _Event,
        st.integers(-20 * 24, 3 * 24).map(lambda hours: T0 + hours * HOUR),
        st.sampled_from(["purchase", "click", "view"]),
        st.sampled_from([0.5, 3.25, 60.0, -2.0]),
        st.booleans(),
    ),
    max_size=25,
)


def _expected(tried: Experiment, events: list[_Event]) -> dict[str, Sums]:
    """What the definition says, by looking at all that happened at once."""
    found = {}
    for name, metric in tried.metrics.items():
        amounts = [0, 0]
        for event in events:
            if event.kind not in metric.kinds or (metric.attributed and not event.attributed):
                continue
            amount = round(event.value * 100) if metric.measure == "value" else 1
            if T0 <= event.time < T0 + tried.window_us:
                amounts[0] += amount
            elif event.time < T0 and T0 // DAY - event.time // DAY <= 14:
                amounts[1] += amount
        y, x = (max(-metric.limit, min(each, metric.limit)) for each in amounts)
        found[name] = Sums(1, y, y * y, x, x * x, x * y)
    return found


@settings(max_examples=60)
@given(_EVENTS, st.integers(0, 23), st.randoms(use_true_random=False))
def test_sums_depend_on_what_happened_and_not_on_when_it_is_read(
    events: list[_Event], skew_hours: int, chance: random.Random
) -> None:
    """Interactions in their order and the answer in its, but the one topic up to a day ahead of the other."""
    tried = experiment()
    anna = Anna(tried)
    ordered = sorted(events, key=lambda each: each.time)
    shown_at = T0 + chance.choice((-1, 1)) * skew_hours * HOUR
    is_shown = False
    for event in ordered:
        if not is_shown and event.time >= shown_at:
            anna.is_shown(T0, variety="varied")
            is_shown = True
        anna.does(event.time, event.kind, event.value, recommendation="r" if event.attributed else None)
        anna.passes(event.time)
    if not is_shown:
        anna.is_shown(T0, variety="varied")
    anna.passes(T0 + 5 * DAY)
    assert anna.record().metrics == _expected(tried, events)
    anna.is_forgotten()
    assert all(each == Sums() for each in anna.record().metrics.values())


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_the_newest_revision_has_the_totals_in_whatever_order_changes_come(order: tuple[int, int]) -> None:
    totals = TaskTotals()
    for revision in order:
        anna = Anna(experiment(revision=revision))
        anna.is_shown(T0, variety="varied")
        totals.apply(anna.rules.mature(anna.part, T0 + DAY))
    record = totals.record("default", "variety", "varied", 0, T0)
    assert record.revision == 2 and record.metrics["bought"].n == 1
