"""Subjects in the table: made once for each person, found again, sealed anew, and destroyed."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from headrace.errors import TransientError
from headrace.subjects.erased import ErasedSubjects
from headrace.subjects.keys import SubjectKeys
from headrace.subjects.subject import Subject, new_subject, packed, unpacked
from headrace.subjects.subject_rows import Found, Key, Row, SubjectRows

_TRIES = 5
_RESEALED_AT_ONCE = 64
Pause = Callable[[], object]


def at_once() -> None:
    """No pause."""


class Resealed(NamedTuple):
    """How many rows were sealed anew or deleted, and how many are sealed with each key that is not there.

    Attributes:
        deleted: of subjects that were erased.
        unreadable: master key → rows; they are left, or deleted where the caller gives up.
    """

    resealed: int
    deleted: int
    unreadable: Mapping[str, int]


class SubjectStore:
    """Any thread may ask. All methods raise TransientError where Cassandra does not answer.

    Attributes:
        keys: what rows are sealed with.
    """

    def __init__(self, table: SubjectRows, keys: SubjectKeys, erased: ErasedSubjects) -> None:
        self._table = table
        self.keys = keys
        self._erased = erased

    def find(self, site: str, name: str) -> Subject | None:
        """The subject of a person; one that is erased is none."""
        key = self._key(site, name)
        row = self._table.read([key])[0]
        subject = None if row is None else self._unseal(key, row)
        return None if subject is None or self._erased.is_erased(subject.id) else subject

    def find_settled(self, site: str, name: str) -> Subject | None:
        """The subject of a person, erased or not, after all that is being made of it: what erasure goes by."""
        key = self._key(site, name)
        row = self._table.read_settled(key)
        return None if row is None else self._unseal(key, row)

    def make(self, site: str, names: Sequence[str]) -> list[Subject]:
        """The subjects of persons, made where there is none.

        Where an erasure is written and its row still there, as its process was killed in between or is a moment behind,
        the row is deleted here: nobody is ever given an erased subject.
        """
        keys = [self._key(site, name) for name in names]
        found: dict[Key, Subject] = {}
        for _ in range(_TRIES):
            missing = [key for key in dict.fromkeys(keys) if key not in found]
            if not missing:
                return [found[key] for key in keys]
            rows = dict(zip(missing, self._table.read(missing), strict=True))
            new = {key: new_subject() for key in missing if rows[key] is None}
            if new:
                rows |= self._insert(new)
            for key, row in rows.items():
                if row is not None:
                    self._take(key, row, found)
        raise TransientError("a subject is erased each time it is made")

    def destroy(self, site: str, name: str, subject: str) -> bool:
        """Deletes the row of a subject, and with it its key; whether there was one."""
        key = self._key(site, name)
        for _ in range(_TRIES):
            row = self._table.read_settled(key)
            if row is None or self._unseal(key, row).id != subject:
                return False
            # Not so where it was sealed anew meanwhile.
            if self._table.delete(key, row[1]):
                return True
        raise TransientError("a subject is sealed anew each time it is deleted")

    def reseal(self, pause: Pause = at_once, *, gives_up: bool = False) -> Resealed:
        """Seals all rows with the current master key, and deletes those of erased subjects.

        A row of an edge that had not seen the new key yet may be left: see `sealed_with`.

        Args:
            pause: called after each few rows that were written.
            gives_up: deletes rows that are sealed with a master key that is not there.
        """
        resealed = deleted = 0
        unreadable: Counter[str] = Counter()
        rows = self._table.scan()
        while some := list(islice(rows, _RESEALED_AT_ONCE)):
            masters = self.keys.secrets().masters
            strange = [found for found in some if found.row[0] not in masters]
            unreadable.update(found.row[0] for found in strange)
            for found in strange if gives_up else ():
                self._table.delete(found.key, found.row[1])
            changed, gone = self._reseal([found for found in some if found.row[0] in masters])
            resealed, deleted = resealed + changed, deleted + gone
            if changed:
                pause()
        return Resealed(resealed, deleted, unreadable)

    def sealed_with(self) -> dict[str, int]:
        """How many rows each master key has sealed."""
        counts: dict[str, int] = {}
        for found in self._table.scan():
            counts[found.row[0]] = counts.get(found.row[0], 0) + 1
        return counts

    def end_commit_log(self) -> None:
        """Has Cassandra delete its commit log, whose content is in the tables then."""
        self._table.end_commit_log()

    def close(self) -> None:
        self._table.close()

    def _insert(self, new: dict[Key, Subject]) -> dict[Key, Row]:
        """Makes rows where there are none; the rows that are there then."""
        made = {key: self._seal(key, subject) for key, subject in new.items()}
        found = dict(zip(made, self._table.insert(list(made.items())), strict=True))
        current = self.keys.secrets().current
        for key, row in made.items():
            # A rotation began meanwhile; were this process stopped for long, it may not have seen the row.
            if found[key] == row and row[0] != current:
                found[key] = self._seal(key, new[key])
                self._table.replace([(key, row[1], found[key])])
        return found

    def _reseal(self, rows: Sequence[Found]) -> tuple[int, int]:
        current = self.keys.secrets().current
        changes: list[tuple[Key, bytes, Row]] = []
        deleted = 0
        for key, row in rows:
            subject = self._unseal(key, row)
            if self._erased.is_erased(subject.id):
                deleted += self._table.delete(key, row[1])
            elif row[0] != current:
                changes.append((key, row[1], self._seal(key, subject)))
        return sum(self._table.replace(changes)), deleted

    def _take(self, key: Key, row: Row, found: dict[Key, Subject]) -> None:
        subject = self._unseal(key, row)
        if self._erased.is_erased(subject.id):
            self._table.delete(key, row[1])
        else:
            found[key] = subject

    def _key(self, site: str, name: str) -> Key:
        return site, self.keys.lookup(site, name)

    def _seal(self, key: Key, subject: Subject) -> Row:
        return self.keys.seal(packed(subject), _about(key))

    def _unseal(self, key: Key, row: Row) -> Subject:
        master, sealed = row
        return unpacked(self.keys.unseal(master, sealed, _about(key)))


def _about(key: Key) -> bytes:
    """So that a row can't be put in another's place."""
    site, lookup = key
    return lookup + site.encode()
