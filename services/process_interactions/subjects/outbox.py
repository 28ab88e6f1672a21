"""What follows from a batch, in order; of features and sessions that go on, the newest at its end."""

from headrace.experiments.experiments import Experiments
from headrace.experiments.task_totals import key_of
from headrace.interactions.records import (
    EXPOSURES,
    FEATURES,
    LESSONS,
    SESSIONS,
    TOTALS,
    Exposure,
    Lesson,
    Session,
)
from headrace.records import Record, encode, headers_of
from headrace.streams import OutRecord
from process_interactions.subjects.person import Person
from process_interactions.subjects.state import SubjectsState


class Outbox:
    """Collects the outputs of one batch."""

    def __init__(self, state: SubjectsState, experiments: Experiments, partition: int) -> None:
        self._state = state
        self._experiments = experiments
        self._partition = partition
        self._records: list[OutRecord] = []
        self._features: dict[bytes, Person] = {}
        self._sessions: dict[bytes, Person] = {}

    def add(self, record: OutRecord) -> None:
        """A record as it is."""
        self._records.append(record)

    def lesson(self, key: bytes, lesson: Lesson) -> None:
        """For the models across all people."""
        self._records.append(_record(LESSONS, key, lesson))

    def exposure(self, key: bytes, exposure: Exposure) -> None:
        """For the models across all people."""
        self._records.append(_record(EXPOSURES, key, exposure))

    def session(self, key: bytes, session: Session) -> None:
        """A session that doesn't go on."""
        self._sessions.pop(key, None)
        self._records.append(_record(SESSIONS, key, session))

    def note_session(self, person: Person) -> None:
        """The running session of a person changed."""
        self._sessions[person.key] = person

    def note_features(self, person: Person) -> None:
        """The features of a person changed."""
        self._features[person.key] = person

    def withdraw_features(self, key: bytes) -> None:
        """The person isn't known any more."""
        self._features.pop(key, None)
        self._sessions.pop(key, None)
        self._records.append(OutRecord(FEATURES, key, None))

    def close(self) -> list[OutRecord]:
        """All that follows."""
        records = self._records
        for key, person in self._features.items():
            if person.features is not None:
                records.append(_record(FEATURES, key, person.features))
        for key, person in self._sessions.items():
            if person.session is not None:
                records.append(_record(SESSIONS, key, person.session))
        records += self._totals()
        return records

    def _totals(self) -> list[OutRecord]:
        records = []
        for experiment, arm, updated in self._state.take_totals():
            spec = self._experiments.get(experiment)
            if spec is not None:
                record = self._state.totals.record(spec.target.site, experiment, arm, self._partition, updated)
                records.append(_record(TOTALS, key_of(experiment, arm, self._partition), record))
        return records


def _record(topic: str, key: bytes, record: Record) -> OutRecord:
    return OutRecord(topic, key, encode(record), headers_of(record))
