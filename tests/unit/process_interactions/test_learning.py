"""Learning across keys: each record once and in order, whatever is cut and killed, and published as versions."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.deadletter import TOPIC as DEADLETTERS
from headrace.errors import ConfigurationError
from headrace.interactions.records import EXPOSURES, ITEM_MODELS, LESSONS, RECOMMENDERS
from headrace.records import encode, headers_of
from process_interactions.learning.limits import LearningLimits
from process_interactions.topology import LEARNING_CHANGELOG
from tests.unit.process_interactions.learning_driver import (
    SECOND,
    STEPS,
    T0,
    LearningDriver,
    Step,
    exposure,
    lesson,
    order_rules,
    some_records,
)

SMALL = LearningLimits(SECOND, publish_rows=5, snapshot_entries=17, snapshot_every_us=20 * SECOND)
RECORDS = some_records(120)
EVERY_S = 0.13


def plain(limits: LearningLimits = SMALL) -> LearningDriver:
    """All records in one batch."""
    driver = LearningDriver(limits)
    driver.learn(RECORDS, EVERY_S)
    return driver


def finish(driver: LearningDriver) -> LearningDriver:
    """Publishes every row once more, so that all of them are compared."""
    driver.start_again(republish="all", limits=replace(SMALL, publish_rows=100))
    driver.learn([lesson("i1", site="site0"), exposure(site="site1")])
    driver.driver.idle(5.0)
    driver.driver.checkpoint()
    return driver


@cache
def undisturbed() -> LearningDriver:
    return finish(plain())


@settings(max_examples=60)
@given(STEPS, st.sampled_from([3, 17, 64, 10_000]))
def test_neither_batches_nor_crashes_nor_snapshots_change_anything(steps: list[Step], entries: int) -> None:
    broken = LearningDriver(replace(SMALL, snapshot_entries=entries))
    broken.learn_with_faults(RECORDS, EVERY_S, steps)
    assert finish(broken).written() == undisturbed().written()
    if entries == SMALL.snapshot_entries:
        assert changelog(broken) == changelog(undisturbed()), "cells are a function of the input"
    assert len({(row.site, row.item) for row in broken.rows()[-24:]}) == 24, "every row is compared"


def test_it_is_published_what_was_learned() -> None:
    driver = plain()
    versions = driver.versions()
    assert len(versions) > 20
    for site in ("site0", "site1"):
        own = [each for each in versions if each.site == site]
        numbers = [each.version for each in own]
        assert numbers == sorted(set(numbers))
        assert [each.version == row.version for each in own for row in driver.rows() if row.updated == each.published]
        gaps = [after.published - before.published for before, after in pairwise(own)]
        assert min(gaps) >= SECOND
    driver.driver.idle(5.0)
    driver.driver.checkpoint()
    assert sum({each.site: each.learned for each in driver.versions()}.values()) == len(RECORDS)


@pytest.mark.parametrize("entries", [1, 11, 10_000], ids=["snapshots only", "both", "journal only"])
def test_a_restart_reads_what_is_there(entries: int) -> None:
    driver = plain(replace(SMALL, snapshot_entries=entries))
    before = driver.rules.counts.relearned
    driver.driver.crash()
    relearned = driver.rules.counts.relearned - before
    assert relearned == driver.rules.counts.journal_entries
    assert {1: relearned <= 1, 11: 0 < relearned <= 11, 10_000: relearned > len(RECORDS)}[entries]
    whole = plain()
    for each in (driver, whole):
        each.learn(some_records(40, seed=2), EVERY_S)
    assert driver.written() == whole.written()


def test_snapshots_empty_the_journal_by_count_and_by_time() -> None:
    limits = LearningLimits(snapshot_entries=10, snapshot_every_us=60 * SECOND)
    driver = LearningDriver(limits)
    driver.learn([lesson(f"i{at}") for at in range(7)])
    assert driver.rules.counts.snapshots == 0
    driver.learn([lesson()], every_s=61)
    assert (driver.rules.counts.snapshots, driver.rules.counts.snapshot_cells) == (1, 8)
    driver.learn([lesson()] * 20)
    assert driver.rules.counts.snapshots == 3
    keys = changelog(driver)
    assert sum(key.startswith(b"=j") for key in keys) <= 1
    assert sum(key.startswith(b"=s") for key in keys) == 9


def changelog(driver: LearningDriver) -> dict[bytes, bytes]:
    """Its cells as they are now."""
    last = {each.key or b"": each.value for each in driver.driver.outputs(LEARNING_CHANGELOG)}
    return {key: value for key, value in last.items() if value is not None and key != b"checkpoint"}


def test_a_checkpoint_writes_the_journal_and_not_the_model() -> None:
    driver = LearningDriver()
    driver.learn([lesson(f"i{at}") for at in range(2_000)])
    before = driver.driver.progress.changelog_bytes
    driver.learn([lesson("i1", [f"i{at}" for at in range(50)])])
    assert driver.driver.progress.changelog_bytes - before < 12_000


def test_most_changed_rows_come_first_and_the_others_next() -> None:
    driver = LearningDriver(LearningLimits(SECOND, publish_rows=2))
    driver.learn([lesson("first")])
    driver.send([lesson("a"), lesson("b"), lesson("c"), lesson("b"), lesson("d"), lesson("c"), lesson("b")])
    driver.driver.run()
    assert [row.item for row in driver.rows()] == ["first"]
    assert driver.rules.counts.waiting_rows == 4
    published = []
    for _ in range(4):
        driver.driver.idle(1.0)
        driver.driver.checkpoint()
        assert driver.rules.counts.lag_s >= 0.0
        published.append([row.item for row in driver.rows()])
    assert published[-1] == ["first", "b", "c", "a", "d"]
    assert [len(rows) for rows in published] == [3, 5, 5, 5]
    assert (driver.rules.counts.waiting_rows, driver.rules.counts.lag_s) == (0, 0.0)


def test_one_record_after_a_silence_is_published_at_once_and_a_burst_within_the_time() -> None:
    driver = LearningDriver()
    driver.learn([lesson("a")], every_s=60)
    assert [row.item for row in driver.rows()] == ["a"]
    driver.learn([lesson("b"), lesson("c")], every_s=0.2)
    assert driver.rules.counts.lag_s == pytest.approx(0.2)
    assert [row.item for row in driver.rows()] == ["a"]
    driver.driver.idle(0.7)
    driver.driver.checkpoint()
    assert [row.item for row in driver.rows()] == ["a", "b", "c"]
    assert driver.rules.counts.lag_s == 0.0
    driver.driver.idle(10.0)
    assert driver.driver.checkpoint() == 0, "nothing changed"


@pytest.mark.parametrize("ahead_s", [7_200, -7_200])
def test_a_wall_clock_beside_the_brokers_holds_up_nothing(ahead_s: int) -> None:
    driver = LearningDriver()
    driver.learn([lesson("a"), lesson("b")])
    waited = driver.rules.on_idle(driver.state, T0 + ahead_s * SECOND)
    assert [each.topic for each in waited] == [ITEM_MODELS, RECOMMENDERS]
    driver.learn([lesson("c")], every_s=3.0)
    assert [row.item for row in driver.rows()] == ["a", "c"]
    assert driver.versions()[-1].published == T0 + 3 * SECOND


def test_a_brokers_clock_that_was_ahead_holds_up_nothing() -> None:
    driver = LearningDriver()
    for at, item in ((T0 + 90_000 * SECOND, "a"), (T0, "b"), (T0 + SECOND, "c"), (T0 + SECOND + 1, "d")):
        record = lesson(item)
        driver.driver.send(LESSONS, b"s", encode(record), headers_of(record), at)
        driver.driver.run()
    assert [row.item for row in driver.rows()] == ["a", "b", "c"]


def test_a_silent_site_is_published_while_another_one_is_busy() -> None:
    driver = LearningDriver()
    driver.learn([lesson("a", site="silent"), lesson("b", site="silent")])
    driver.learn([lesson("a", site="busy")] * 30, every_s=0.1)
    assert [row.item for row in driver.rows() if row.site == "silent"] == ["a", "b"]


def test_versions_never_go_back_where_the_model_is_learned_anew() -> None:
    driver = plain()
    before = max(each.version for each in driver.versions())
    anew = LearningDriver(SMALL)
    anew.driver.advance(3_600)
    anew.learn(RECORDS[:3])
    assert min(each.version for each in anew.versions()) > before


def test_everything_is_published_again_once_for_each_name() -> None:
    driver = LearningDriver(LearningLimits(SECOND, snapshot_entries=3))
    driver.learn([lesson(f"i{at}") for at in range(10)], every_s=1.0)
    assert len(driver.rows()) == 10
    for _ in range(2):
        driver.start_again(republish="new-topic")
        driver.driver.idle(2.0)
        driver.driver.checkpoint()
    assert sorted(row.item for row in driver.rows()[10:]) == sorted(f"i{at}" for at in range(10))
    driver.start_again()
    driver.driver.idle(2.0)
    assert driver.driver.checkpoint() == 0
    driver.learn([lesson("i0")] * 3)
    driver.start_again(republish="new-topic")
    driver.learn([lesson("i1")], every_s=1.0)
    assert [row.item for row in driver.rows()[20:]] == ["i0", "i0", "i1"], "a snapshot keeps the name"


def test_what_teaches_nothing_is_a_dead_letter_and_costs_itself_alone() -> None:
    driver = LearningDriver(LearningLimits(entry_bytes=2_000))
    send = driver.driver.send
    send(LESSONS, b"s", b"{}", [("schema", b"lesson.v1")])
    send(LESSONS, b"s", None, [("schema", b"lesson.v1")])
    send(EXPOSURES, b"s", b'{"site":"main","subject":"s","erased":1}', [("schema", b"erasure.v1")])
    driver.send(
        [lesson(time=T0 + 90_000 * SECOND), exposure(made=1 << 70), lesson("a", ["x" * 50] * 50), lesson("good")]
    )
    driver.driver.run()
    reasons = [dict(each.headers)["deadletter.reason"].decode() for each in driver.driver.outputs(DEADLETTERS)]
    assert reasons == [
        "invalid_record",
        "invalid_record",
        "unknown_schema",
        "invalid_time",
        "invalid_record",
        "too_large",
    ]
    assert driver.rules.counts.dead_letters["invalid_record"] == 3
    assert [row.item for row in driver.rows()] == ["good"]


def test_state_of_another_learner_is_refused() -> None:
    driver = plain()
    other = LearningDriver(SMALL, partial(order_rules, schema="order/2"))
    other.driver.kafka = driver.driver.kafka
    with pytest.raises(ConfigurationError, match="learning/1 order/1"):
        other.driver.crash()


def test_damaged_cells_are_refused() -> None:
    driver = plain()
    kafka = driver.driver.kafka
    for key in (b"=strange", b"=s\0\0\0\x09x", b"=meta"):
        driver.driver.send(LEARNING_CHANGELOG, key, b"\xc1", partition=0)
        with pytest.raises(ConfigurationError, match=LEARNING_CHANGELOG):
            driver.driver.crash()
        kafka.log(LEARNING_CHANGELOG, 0).records.pop()


def test_counts_say_what_was_learned() -> None:
    driver = LearningDriver()
    driver.learn([lesson(), lesson(None, "ab", kind="forget"), exposure(), exposure()])
    counts = driver.rules.counts
    assert (counts.lessons, counts.forgotten, counts.exposures) == (1, 1, 2)
    assert (counts.publications, counts.published_rows, counts.learned_us) == (1, 1, T0)
    assert counts.sites["main"].learned == 1
    assert {each.topic for topic in (ITEM_MODELS, RECOMMENDERS) for each in driver.driver.outputs(topic)}
