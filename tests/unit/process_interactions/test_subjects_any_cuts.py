"""What the stage gives depends neither on where batches are cut, nor on crashes, nor on which topic is read first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from headrace.interactions.records import Exposure, Interaction, Recommendation
from process_interactions.subjects.rates import Limits
from process_interactions.subjects.settings import SubjectSettings
from tests.unit.process_interactions.plain_subjects import Plain
from tests.unit.process_interactions.subjects_driver import (
    ANNA,
    BERT,
    CARL,
    MINUTE,
    SECOND,
    T0,
    SubjectsDriver,
    answer,
    experiments,
    interaction,
)

CONSENT_AGAIN = ("view", "view", "withdraw", "consent")
KINDS = ("view", "view", "click", "cart", "purchase", "rating", "dwell", "impression")


@dataclass(frozen=True)
class Step:
    """Something that happens `after` microseconds from the last one; `late` is how much older it says that it is."""

    what: str
    subject: str
    after: int
    late: int
    item: str
    number: int
    names_answer: bool


STEPS = st.builds(
    Step,
    what=st.sampled_from((*KINDS, "answer", "answer", "repeat", "withdraw", "consent", "erase")),
    subject=st.sampled_from((ANNA, ANNA, BERT, CARL)),
    after=st.sampled_from((0, SECOND, 20 * SECOND, 5 * MINUTE, 31 * MINUTE)),
    late=st.sampled_from((0, 0, 0, 90 * SECOND, 40 * MINUTE)),
    item=st.sampled_from("abcd"),
    number=st.integers(0, 5),
    names_answer=st.booleans(),
)
Record = Interaction | Recommendation | tuple[str, int]


def records_of(steps: list[Step]) -> list[tuple[Record, int]]:
    """The records of these steps with their append times."""
    made: list[tuple[Record, int]] = []
    events: list[Interaction] = []
    now = T0
    for at, step in enumerate(steps):
        now += step.after
        record: Record
        if step.what == "answer":
            items = "abcd"[: 1 + step.number % 4]
            arms = {"variety": "varied" if step.subject == ANNA else "control"}
            record = answer(f"r{step.number}", items, now, subject=step.subject, arms=arms)
        elif step.what == "erase":
            record = (step.subject, now)
        elif step.what == "repeat" and events:
            record = events[step.number % len(events)]
        elif step.what in ("withdraw", "consent", "repeat"):
            given = step.what != "withdraw"
            record = interaction("consent", None, now, id=f"e{at}", subject=step.subject, consent=given)
        else:
            named: dict[str, Any] = {"recommendation": f"r{step.number}"} if step.names_answer else {}
            time = now - step.late
            record = interaction(step.what, step.item, time, id=f"e{at}", subject=step.subject, value=7.0, **named)
            events.append(record)
        made.append((record, now))
    # Time goes on until all windows have closed.
    made.append((interaction(item=None, at=now + 200 * MINUTE, id="end", subject=f"{'dora':_<22}"), now + 200 * MINUTE))
    return made


def driver_of(records: Sequence[tuple[Record, int]], few: bool = False) -> SubjectsDriver:
    limits = Limits(per_minute=6, per_day=30, per_day_of_append=1_000) if few else Limits()
    driver = SubjectsDriver(SubjectSettings(limits=limits), experiments())
    send(driver, records)
    return driver


def send(driver: SubjectsDriver, records: Sequence[tuple[Record, int]]) -> None:
    for record, appended in records:
        if isinstance(record, tuple):
            driver.erase_later(*record)
        else:
            driver.send(record, appended=appended)


def content(driver: SubjectsDriver) -> dict[str, Any]:
    return {
        "features": {subject: driver.features(subject) for subject in (ANNA, BERT, CARL)},
        "sessions": driver.sessions(),
        "lessons": driver.lessons(),
        "exposures": driver.exposures(),
        "totals": driver.totals(),
        "cells": driver.cells(),
    }


@settings(max_examples=80, deadline=None)
@given(
    st.lists(STEPS, max_size=50),
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from(("", "crash", "checkpoint"))), max_size=12),
    st.booleans(),
)
@example([Step(what, ANNA, SECOND, 0, "a", 0, False) for what in CONSENT_AGAIN], [(3, "checkpoint")], False)
def test_cuts_and_crashes_change_nothing(steps: list[Step], cuts: list[tuple[int, str]], few: bool) -> None:
    if any(then == "crash" for _, then in cuts):
        # A task that starts again knows of erasures that are still to come, which is what they are for.
        steps = [step for step in steps if step.what != "erase"]
    records = records_of(steps)
    one_by_one, cut = driver_of(records, few), driver_of((), few)
    one_by_one.driver.run(1)
    at = 0
    for count, then in cuts:
        send(cut, records[at : at + count])
        at += count
        cut.driver.process(1 + count // 2)
        if then == "crash":
            cut.driver.crash()
        elif then == "checkpoint":
            cut.driver.checkpoint()
    send(cut, records[at:])
    cut.driver.run()
    assert content(cut) == content(one_by_one)
    cut.driver.crash()
    assert len(cut.state()) == len(one_by_one.state())
    for subject in (ANNA, BERT, CARL):
        after = interaction(item="after", at=records[-1][1] + SECOND, id="after", subject=subject)
        for driver in (one_by_one, cut):
            driver.take(after)
    assert content(cut) == content(one_by_one), "all that is known is in the cells"


@settings(max_examples=80, deadline=None)
@given(st.lists(STEPS.filter(lambda step: step.what not in ("withdraw", "consent", "erase")), max_size=50), st.data())
def test_it_doesnt_matter_which_topic_is_read_first(steps: list[Step], data: st.DataObject) -> None:
    records = records_of([replace(step, late=0) for step in steps])
    usual, shifted = driver_of(records), driver_of(_with_late_answers(records, data))
    usual.driver.run(1)
    shifted.driver.run(3)
    one, other = content(usual), content(shifted)
    for each in (one, other):
        each["exposures"].sort(key=_order)
        del each["cells"]
    assert other == one


@settings(max_examples=80, deadline=None)
@given(st.lists(STEPS, max_size=50))
def test_all_is_as_a_plain_recomputation_says(steps: list[Step]) -> None:
    records = [
        (record, appended)
        for record, appended in records_of(steps)
        if not isinstance(record, tuple) and not (isinstance(record, Interaction) and record.kind == "consent")
    ]
    driver = driver_of(records)
    driver.driver.run()
    plain = Plain(records)
    assert {subject: driver.features(subject) for subject in plain.features} == plain.features
    assert sorted(driver.exposures(), key=_order) == sorted(plain.exposures, key=_order)
    assert len(driver.lessons()) == plain.lessons


def _with_late_answers(records: list[tuple[Record, int]], data: st.DataObject) -> list[tuple[Record, int]]:
    """Answers are read after what was appended up to half an hour later."""
    shifted: list[tuple[Record, int]] = []
    waiting: list[tuple[Record, int]] = []
    for record, appended in records:
        while waiting and (appended - waiting[0][1] > 25 * MINUTE or data.draw(st.booleans())):
            shifted.append(waiting.pop(0))
        (waiting if isinstance(record, Recommendation) else shifted).append((record, appended))
    return [*shifted[:-1], *waiting, shifted[-1]] if shifted else waiting


def _order(exposure: Exposure) -> tuple[int, str, str, int]:
    return exposure.closed, exposure.subject, exposure.recommendation, exposure.position
