"""The subject of each person, the same at all edges: a cache in memory before the table in Cassandra."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from headrace.cassandra import CassandraSettings
from headrace.errors import TransientError
from headrace.subjects.erased import ErasedSubjects
from headrace.subjects.keys import SubjectKeys
from headrace.subjects.recent_subjects import RecentSubjects
from headrace.subjects.subject import Subject
from headrace.subjects.subject_store import SubjectStore
from headrace.subjects.subject_table import SubjectTable

MOST_CACHED = 100_000
"""Some 400 bytes each."""


class Subjects:
    """Who a person is in all records. Any thread may ask.

    A name is what `headrace.subjects.subject.user_name` or `session_name` gives.

    Args:
        store: where subjects are kept.
        erased: which of them are erased; it is to be started by the caller.
        most: how many are remembered, those that were asked for last.
    """

    def __init__(self, store: SubjectStore, erased: ErasedSubjects, most: int = MOST_CACHED) -> None:
        self.store = store
        self.erased = erased
        self._recent = RecentSubjects(most)
        erased.when_erased(self._recent.drop)

    def known(self, site: str, name: str) -> Subject | None:
        """A subject that is remembered, in a microsecond; None says nothing about whether there is one."""
        subject = self._recent.get(site, name)
        return None if subject is None or self.erased.is_erased(subject.id) else subject

    def subject_of(self, site: str, name: str) -> Subject:
        """The subject of a person, made if there is none.

        Raises:
            TransientError: it is not remembered, and Cassandra does not answer or erasures are not read yet.
        """
        return self.known(site, name) or self.subjects_of(site, (name,))[0]

    def subjects_of(self, site: str, names: Sequence[str]) -> list[Subject]:
        """The same for many; those that are not remembered are asked for at once.

        Raises:
            TransientError: as `subject_of`; none is given then.
        """
        found = {name: self.known(site, name) for name in names}
        unknown = [name for name, subject in found.items() if subject is None]
        if unknown:
            self._check_read()
            for name, made in zip(unknown, self.store.make(site, unknown), strict=True):
                found[name] = made
                self._remember(site, name, made)
        return [subject for name in names if (subject := found[name])]

    def find(self, site: str, name: str) -> Subject | None:
        """The subject of a person, or None: there is none.

        Raises:
            TransientError: as `subject_of`.
        """
        subject = self.known(site, name)
        if subject is None:
            self._check_read()
            subject = self.store.find(site, name)
            if subject is not None:
                self._remember(site, name, subject)
        return subject

    def forget(self, subjects: Iterable[str]) -> None:
        """Drops subjects from memory, as their erasure does."""
        for subject in subjects:
            self._recent.drop(subject)

    def _check_read(self) -> None:
        if not self.erased.is_read:
            raise TransientError("subjects.erased is not read yet, so nobody knows whose subject is erased")

    def _remember(self, site: str, name: str, subject: Subject) -> None:
        self._recent.put(site, name, subject)
        # Its erasure may have been told between the look into the table and now.
        if self.erased.is_erased(subject.id):
            self._recent.drop(subject.id)


def open_subjects(settings: CassandraSettings, keys: Path, most: int = MOST_CACHED) -> Subjects:
    """Subjects with their own connections; nothing is connected yet. Start and stop `erased`, and close `store`.

    Raises:
        ConfigurationError: the file of keys is missing or wrong.
    """
    erased = ErasedSubjects(settings.brokers)
    return Subjects(SubjectStore(SubjectTable(settings), SubjectKeys(keys), erased), erased, most)
