"""Registers process_interactions for `headrace replay` (entry point `headrace.topologies`)."""

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.replay.replayable import OnFailure, Replayable
from headrace.subjects.erased import read_erased
from process_interactions.settings import Settings
from process_interactions.stage_rules import learning_rules, subject_rules
from process_interactions.topology import interactions_topology, learning_stage

ERASED_TIMEOUT_S = 60.0


class _ErasedLater:
    """Who is erased when the replay begins: it must bring nothing of them back, not even until their erasure comes."""

    def __init__(self, brokers: str) -> None:
        self._brokers = brokers
        self._keys: frozenset[bytes] = frozenset()

    def has(self, key: bytes) -> bool:
        return key in self._keys

    @contextmanager
    def running(self, _: OnFailure) -> Iterator[None]:
        self._keys = frozenset(subject.encode() for subject in read_erased(self._brokers, ERASED_TIMEOUT_S))
        yield


def replayable(brokers: str) -> Replayable:
    """Both stages by the service's settings, but for the brokers; experiments are those of today's files."""
    settings = Settings.load(brokers=brokers)
    erased = _ErasedLater(brokers)
    topology = interactions_topology(
        settings.group,
        subject_rules(settings, erased.has),
        learning_stage(learning_rules(settings, is_replay=True)),
    )
    return Replayable(topology, settings.version, "PROCESS_INTERACTIONS_VERSION", erased.running)
