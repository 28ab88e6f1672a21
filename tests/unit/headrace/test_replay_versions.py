"""Versions of a topology: what is renamed, and what a replay and its successor share."""

from collections.abc import Iterable
from typing import Any

from headrace.deadletter import TOPIC as DEADLETTERS
from headrace.streams.batch import OutRecord
from headrace.streams.topology import Stage, Topology
from headrace.streams.versions import (
    RenamedOutputs,
    as_replay,
    internal_names,
    outer_inputs,
    replay_names,
    with_version,
)


def two_stages() -> Topology:
    rules: Any = object()
    return Topology(
        "app",
        (
            Stage("rekey", ("in",), rules, ("by_item", "seen"), "rekey.changes"),
            Stage("count", ("by_item", "items"), rules, ("counts",), "count.changes"),
        ),
    )


def test_version_without_a_name_changes_nothing() -> None:
    topology = two_stages()
    assert with_version(topology, "") == topology


def test_version_has_its_own_state_and_internal_topics_and_the_live_group_inputs_and_outputs() -> None:
    rekey, count = with_version(two_stages(), "v2").stages
    assert with_version(two_stages(), "v2").name == "app"
    assert (rekey.inputs, rekey.outputs, rekey.changelog) == (("in",), ("by_item.v2", "seen"), "rekey.changes.v2")
    assert (count.inputs, count.outputs, count.changelog) == (("by_item.v2", "items"), ("counts",), "count.changes.v2")


def test_replay_writes_nothing_that_is_live() -> None:
    replay = as_replay(two_stages(), "v2")
    written = {topic for stage in replay.stages for topic in (*stage.outputs, stage.changelog)}
    assert written == {"by_item.v2", "seen.v2", "counts.v2", "rekey.changes.v2", "count.changes.v2"}
    assert replay.name == "app.v2"
    assert outer_inputs(replay) == ("in", "items")


def test_replay_and_the_worker_on_its_state_fence_each_other_and_not_the_live_version() -> None:
    def ids(topology: Topology) -> set[str]:
        return {topology.transactional_id(stage, partition) for stage in topology.stages for partition in range(3)}

    assert ids(as_replay(two_stages(), "v2")) == ids(with_version(two_stages(), "v2"))
    assert not ids(with_version(two_stages(), "v2")) & ids(two_stages())


def test_records_go_where_the_version_has_them() -> None:
    written: list[OutRecord] = []

    class Kept:
        def produce(self, records: Iterable[OutRecord]) -> None:
            written.extend(records)

    kept: Any = Kept()
    for names in (replay_names(two_stages(), "v2"), internal_names(two_stages(), "v2")):
        transactions = RenamedOutputs(kept, names)
        for topic in ("counts", "by_item", DEADLETTERS, "count.changes.v2"):
            transactions.produce([OutRecord(topic, b"key", b"value", (("name", b"x"),), 3)])
    topics = [record.topic for record in written]
    assert topics[:4] == ["counts.v2", "by_item.v2", "deadletters.v2", "count.changes.v2"]
    assert topics[4:] == ["counts", "by_item.v2", "deadletters", "count.changes.v2"]
    assert {record[1:] for record in written} == {(b"key", b"value", (("name", b"x"),), 3)}
