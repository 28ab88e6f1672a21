"""The sums of experiments, made live through kills and disorder, are those that a recomputation makes of the topics."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import groupby

import pytest

from headrace.experiments.experiments import Experiments
from headrace.experiments.recomputed import Recomputation, differences
from headrace.interactions.records import ERASED, MADE, RAW, TOTALS, Erasure, ExperimentTotals, Interaction
from headrace.records import Record, decode, encode, headers_of
from headrace.streams.batch import Batch
from headrace.streams.memory import StoredRecord, batch_of
from headrace.streams.topology import Topology
from headrace.testing import TopologyDriver
from process_interactions.subjects.rules import SubjectRules
from process_interactions.topology import subjects_stage
from tests.unit.process_interactions.subjects_driver import MINUTE, T0, answer, experiments, interaction

PARTITIONS = 2
SUBJECTS = [f"person-{number:_<15}" for number in range(60)]
HOURS = 6


def _events(chance: random.Random, tried: Experiments) -> list[tuple[int, str, Record]]:
    """(Append time, topic, record) of a day in a shop: answers, clicks, repeats, bots, consents withdrawn, erasures."""
    found: list[tuple[int, str, Record]] = []
    for subject in SUBJECTS:
        arms = tried.arms_of("default", subject, "home", T0)
        for number in range(chance.randrange(12)):
            at = T0 + chance.randrange(HOURS * 60) * MINUTE + number
            if chance.random() < 0.3:
                found.append((at, MADE, answer(f"{subject}-{number}", at=at, subject=subject, arms=arms)))
                continue
            flags = ("bot",) if chance.random() < 0.03 else ()
            done = interaction("click", at=at - chance.randrange(3) * MINUTE, subject=subject, flags=flags)
            found += [(at, RAW, done)] + ([(at + MINUTE, RAW, done)] if chance.random() < 0.2 else [])
        at = T0 + chance.randrange(HOURS * 60) * MINUTE
        if chance.random() < 0.1:
            found.append((at, RAW, interaction("consent", None, at=at, subject=subject, consent=False)))
        if chance.random() < 0.1:
            found.append((at, ERASED, Erasure("default", subject, at)))
    # Only interactions move time, so each partition needs one at the end.
    found += [(T0 + 20 * 60 * MINUTE, RAW, interaction(at=T0, subject=each)) for each in SUBJECTS[:20]]
    return sorted(found, key=lambda each: each[0])


def _forgets(record: Record) -> bool:
    return isinstance(record, Interaction) and (record.kind == "consent" or bool(record.flags))


def _key(record: Record) -> bytes:
    return record.subject.encode()  # type: ignore[union-attr]


def _live(rules: SubjectRules, events: list[tuple[int, str, Record]], chance: random.Random) -> TopologyDriver:
    driver = TopologyDriver(Topology("interactions", (subjects_stage(rules),)), PARTITIONS, T0)
    for at, topic, record in events:
        driver.send(topic, _key(record), encode(record), headers_of(record), at)
        if chance.random() < 0.1:
            driver.process([chance.randrange(1, 4) for _ in range(3)])
            if chance.random() < 0.3:
                driver.crash()
            elif chance.random() < 0.5:
                driver.checkpoint()
    driver.run()
    return driver


def _stored(driver: TopologyDriver) -> list[ExperimentTotals]:
    newest = {stored.key: decode(stored.value, stored.headers) for stored in driver.outputs(TOTALS)}
    return [record for record in newest.values() if isinstance(record, ExperimentTotals)]


def _merged(driver: TopologyDriver, partition: int) -> Iterator[Batch]:
    """As a replay reads: of all inputs by append time."""
    logs = [driver.kafka.log(topic, partition).since(0) for topic in (RAW, MADE, ERASED)]
    stored = sorted((record for log in logs for record in log), key=lambda each: each.timestamp)
    for _, run in groupby(stored, key=lambda each: each.topic):
        records: list[StoredRecord] = list(run)
        yield batch_of(records)


@pytest.mark.parametrize("behind", [MADE, RAW, None])
@pytest.mark.parametrize("seed", range(4))
def test_a_recomputation_makes_the_same_sums(seed: int, behind: str | None) -> None:
    """Also where one topic was read two hours behind the other, as after an outage.

    Then nobody is flagged or withdraws consent: which answers that takes back depends on which of them were read.
    """
    chance, tried = random.Random(seed), experiments()
    events = [each for each in _events(chance, tried) if behind is None or not _forgets(each[2])]
    read = sorted(events, key=lambda each: each[0] + (each[1] == behind) * 120 * MINUTE)
    driver = _live(SubjectRules(experiments=tried), read, chance)
    stored = _stored(driver)
    recomputed: list[ExperimentTotals] = []
    for partition in range(PARTITIONS):
        made = Recomputation(SubjectRules(experiments=tried))
        for batch in _merged(driver, partition):
            made.take(batch)
        recomputed += made.totals.values()
    assert differences(stored, recomputed) == []
    assert sum(each.metrics["clicks"].n for each in stored if "clicks" in each.metrics) > 20
    assert sum(each.metrics["clicks"].y for each in stored if "clicks" in each.metrics) > 10


def test_a_difference_is_told() -> None:
    chance, tried = random.Random(1), experiments()
    driver = _live(SubjectRules(experiments=tried), _events(chance, tried), chance)
    stored = _stored(driver)
    stored[0].enrolled += 1
    (said,) = differences(stored, _stored(driver))
    assert said.startswith("variety/1/") and "enrolled" in said
    assert len(differences([], _stored(driver))) == len(stored)


def test_an_arm_whose_people_are_all_erased_is_as_one_that_nobody_was_in() -> None:
    """Live they were counted and taken back; a recomputation never counts them."""
    tried, (subject, *_) = experiments(), SUBJECTS
    made = answer("answer", at=T0, subject=subject, arms=tried.arms_of("default", subject, "home", T0))
    events: list[tuple[int, str, Record]] = [(T0, MADE, made), (T0 + 1, RAW, interaction(at=T0, subject=subject))]
    driver = _live(SubjectRules(experiments=tried), events, random.Random(1))
    assert [each.enrolled for each in _stored(driver)] == [1]
    erasure = Erasure("default", subject, T0 + 2)
    driver.send(ERASED, _key(erasure), encode(erasure), headers_of(erasure), T0 + 2)
    driver.run()
    stored = _stored(driver)
    assert [each.enrolled for each in stored] == [0]
    assert differences(stored, []) == []
