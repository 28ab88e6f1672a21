"""Versions of a topology: the same rules with a state of their own, beside the one that runs or in its place.

A replay computes a version: its state, its outputs and its internal topics have names that end in the version's. A
worker may go on from there, with the versioned state and the live outputs. In both the transactional ids are the same,
so that only one of them can write at a time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from headrace.deadletter import TOPIC as DEADLETTERS
from headrace.streams.batch import OutRecord
from headrace.streams.topology import Stage, Topology
from headrace.streams.transaction import Transactions

Names = Mapping[str, str]
"""Topic as the rules name it → topic that is written in its place."""


def versioned(name: str, version: str) -> str:
    """The name of a topic or group in a version; the version without a name is the one that began."""
    return f"{name}.{version}" if version else name


def with_version(topology: Topology, version: str) -> Topology:
    """The topology as a worker runs it on the state of a version: same group, same inputs, live outputs.

    Where it has internal topics, its tasks write through `RenamedOutputs` with `internal_names`.
    """
    if not version:
        return topology
    stages = _versioned_stages(topology, internal_names(topology, version), version)
    return replace(topology, stages=tuple(replace(stage, name=f"{version}.{stage.name}") for stage in stages))


def as_replay(topology: Topology, version: str) -> Topology:
    """The topology as a replay runs it: its group, outputs and state are the version's.

    Its tasks write through `RenamedOutputs` with `replay_names`.
    """
    stages = _versioned_stages(topology, replay_names(topology, version), version)
    return Topology(versioned(topology.name, version), stages)


def outer_inputs(topology: Topology) -> tuple[str, ...]:
    """The inputs that come from outside, in other words all but the internal topics."""
    internal = internal_topics(topology)
    return tuple(topic for topic in topology.inputs() if topic not in internal)


def internal_topics(topology: Topology) -> frozenset[str]:
    """What one stage writes and another reads."""
    return frozenset(topology.inputs()).intersection(topic for stage in topology.stages for topic in stage.outputs)


def internal_names(topology: Topology, version: str) -> dict[str, str]:
    """The internal topics of a version."""
    return {topic: versioned(topic, version) for topic in sorted(internal_topics(topology))}


def replay_names(topology: Topology, version: str) -> dict[str, str]:
    """All that a replay writes besides changelogs: outputs, internal topics and dead letters."""
    outputs = [topic for stage in topology.stages for topic in stage.outputs]
    return {topic: versioned(topic, version) for topic in dict.fromkeys([*outputs, DEADLETTERS])}


def _versioned_stages(topology: Topology, names: Names, version: str) -> tuple[Stage, ...]:
    internal = internal_names(topology, version)
    return tuple(
        replace(
            stage,
            inputs=tuple(internal.get(topic, topic) for topic in stage.inputs),
            tables=tuple(internal.get(topic, topic) for topic in stage.tables),
            outputs=tuple(names.get(topic, topic) for topic in stage.outputs),
            changelog=versioned(stage.changelog, version),
        )
        for stage in topology.stages
    )


class RenamedOutputs:
    """Transactions that write to other topics than the rules name; implements `Transactions`."""

    def __init__(self, inner: Transactions, names: Names) -> None:
        self._inner = inner
        self._names = names

    def start(self) -> None:
        self._inner.start()

    def produce(self, records: Iterable[OutRecord]) -> None:
        name_of = self._names.get
        self._inner.produce(
            OutRecord(name_of(topic, topic), key, value, headers, partition)
            for topic, key, value, headers, partition in records
        )

    def commit(self) -> None:
        self._inner.commit()

    def abort(self) -> None:
        self._inner.abort()

    def close(self) -> None:
        self._inner.close()
