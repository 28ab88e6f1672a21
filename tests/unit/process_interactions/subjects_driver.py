"""Drives the stage "subjects" without a broker: interactions, answers and erasures in; all that follows out."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any, TypeVar

from headrace.experiments.experiment import Experiment
from headrace.experiments.experiments import Experiments
from headrace.interactions.records import (
    ERASED,
    EXPOSURES,
    FEATURES,
    LESSONS,
    MADE,
    RAW,
    SESSIONS,
    TOTALS,
    Erasure,
    ExperimentTotals,
    Exposure,
    Interaction,
    Lesson,
    Recommendation,
    Session,
    ShownItem,
    UserFeatures,
)
from headrace.records import Record, decode, encode, headers_of
from headrace.streams.topology import Topology
from headrace.testing import TopologyDriver
from process_interactions.subjects.rules import SubjectRules
from process_interactions.subjects.settings import SubjectSettings
from process_interactions.subjects.state import SubjectsState
from process_interactions.topology import subjects_stage

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
T0 = 1_700_000_000 * SECOND
ANNA, BERT, CARL = (f"{name:_<22}" for name in ("anna", "bert", "carl"))
R = TypeVar("R", bound=Record)
_ids = count()


def interaction(kind: Any = "view", item: str | None = "a", at: int = T0, **changes: Any) -> Interaction:
    """Anna did something; `at` is event time, microseconds."""
    fields: dict[str, Any] = {"id": f"event-{next(_ids)}", "site": "default", "subject": ANNA, **changes}
    return Interaction(kind=kind, item=item, time=at, received=at, **fields)


def answer(id: str = "r", items: Iterable[str] = "ab", at: int = T0, **changes: Any) -> Recommendation:
    """Anna was shown items."""
    shown = tuple(ShownItem(item, 1.0, "trending", False, (0.5,)) for item in items)
    fields: dict[str, Any] = {"site": "default", "subject": ANNA, "surface": "home", **changes}
    return Recommendation(id=id, made=at, items=shown, **fields)


def experiments(**changes: Any) -> Experiments:
    """One that measures clicks over an hour."""
    fields: dict[str, Any] = {
        "name": "variety",
        "state": "running",
        "start": "2023-01-01T00:00:00Z",
        "arms": {"control": {"share": 0.5}, "varied": {"share": 0.5}},
        "window_hours": 1,
        "metrics": {"clicks": {"measure": "count", "kinds": ["click"]}},
        "primary": "clicks",
        **changes,
    }
    return Experiments([Experiment.model_validate(fields)])


class SubjectsDriver:
    """The stage with its own clock; append times are its times unless said otherwise."""

    def __init__(
        self,
        settings: SubjectSettings | None = None,
        experiments: Experiments | None = None,
        partitions: int = 1,
        **changes: Any,
    ) -> None:
        self.rules = SubjectRules(settings, experiments, **changes)
        topology = Topology("interactions", (subjects_stage(self.rules),))
        self.driver = TopologyDriver(topology, partitions, T0)

    def send(self, *records: Interaction | Recommendation, appended: int | None = None) -> None:
        """Appends records at their event time, or at another one."""
        for record in records:
            topic = RAW if isinstance(record, Interaction) else MADE
            time = record.time if isinstance(record, Interaction) else record.made
            at = time if appended is None else appended
            self.driver.send(topic, record.subject.encode(), encode(record), headers_of(record), at)

    def take(self, *records: Interaction | Recommendation, appended: int | None = None) -> None:
        """Appends records and lets them be processed."""
        self.send(*records, appended=appended)
        self.driver.run()

    def tick(self, at: int) -> None:
        """Somebody else does something, so that time goes on."""
        self.take(interaction(subject=BERT, item=None, at=at))

    def erase(self, subject: str, at: int = T0) -> None:
        """Erases a subject."""
        self.erase_later(subject, at)
        self.driver.run()

    def erase_later(self, subject: str, at: int = T0) -> None:
        """Appends an erasure."""
        record = Erasure("default", subject, at)
        self.driver.send(ERASED, subject.encode(), encode(record), headers_of(record), at)

    def features(self, subject: str = ANNA) -> UserFeatures | None:
        """The newest, or None where they were withdrawn or never there."""
        found = [stored for stored in self.driver.outputs(FEATURES) if stored.key == subject.encode()]
        if not found or found[-1].value is None:
            return None
        record = decode(found[-1].value, found[-1].headers)
        assert isinstance(record, UserFeatures)
        return record

    def known(self, subject: str = ANNA) -> UserFeatures:
        """The newest features of one who has some."""
        features = self.features(subject)
        assert features is not None
        return features

    def sessions(self) -> list[Session]:
        """The highest revision of each, in order of their starts."""
        newest: dict[tuple[str, int], Session] = {}
        for session in self._of(SESSIONS, Session):
            key = (session.subject, session.start)
            if key not in newest or newest[key].revision <= session.revision:
                newest[key] = session
        return sorted(newest.values(), key=lambda one: (one.subject, one.start))

    def lessons(self) -> list[Lesson]:
        return self._of(LESSONS, Lesson)

    def exposures(self) -> list[Exposure]:
        return self._of(EXPOSURES, Exposure)

    def totals(self) -> dict[tuple[str, int], ExperimentTotals]:
        """The newest, by arm and partition."""
        return {(one.arm, one.partition): one for one in self._of(TOTALS, ExperimentTotals)}

    def dead_letters(self) -> list[dict[str, str]]:
        """Headers of each."""
        found = self.driver.outputs("deadletters")
        return [{name: text.decode() for name, text in stored.headers} for stored in found]

    def fates(self) -> dict[str, int]:
        """How many interactions had which fate."""
        fates: dict[str, int] = {}
        for (_, fate), number in self.rules.counts.interactions.items():
            fates[fate] = fates.get(fate, 0) + number
        return fates

    def state(self, partition: int = 0) -> SubjectsState:
        state = self.driver.state("subjects", partition)
        assert isinstance(state, SubjectsState)
        return state

    def cells(self, partition: int = 0) -> dict[bytes, bytes]:
        """All that the changelog has."""
        found: dict[bytes, bytes] = {}
        for stored in self.driver.kafka.log("process_interactions.changelog", partition).records:
            if stored.key == b"checkpoint" or stored.key is None:
                continue
            if stored.value is None:
                found.pop(stored.key[1:], None)
            else:
                found[stored.key[1:]] = stored.value
        return found

    def _of(self, topic: str, kind: type[R]) -> list[R]:
        records = [decode(stored.value, stored.headers) for stored in self.driver.outputs(topic)]
        return [record for record in records if isinstance(record, kind)]
