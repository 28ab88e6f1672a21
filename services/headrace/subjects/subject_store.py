"""Subjects in the table: made once for each person, found again, sealed anew, and destroyed."""

from collections.abc import Iterable, Sequence
from itertools import islice

from headrace.errors import TransientError
from headrace.subjects.erased import ErasedSubjects
from headrace.subjects.keys import SubjectKeys
from headrace.subjects.subject import Subject, new_subject, packed, unpacked
from headrace.subjects.subject_rows import Found, Key, Row, SubjectRows

_TRIES = 5
_RESEALED_AT_ONCE = 256


class SubjectStore:
    """Any thread may ask. All methods raise TransientError where Cassandra does not answer."""

    def __init__(self, table: SubjectRows, keys: SubjectKeys, erased: ErasedSubjects) -> None:
        self._table = table
        self._keys = keys
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
            made = [(key, self._seal(key, new_subject())) for key in missing if rows[key] is None]
            if made:
                rows |= zip([key for key, _ in made], self._table.insert(made), strict=True)
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

    def reseal(self) -> tuple[int, int]:
        """Seals all rows with the current master key, and deletes those of erased subjects; how many of each.

        A row of an edge that had not seen the new key yet may be left: see `sealed_with`.
        """
        resealed = deleted = 0
        rows = self._table.scan()
        while some := list(islice(rows, _RESEALED_AT_ONCE)):
            changed, gone = self._reseal(some)
            resealed, deleted = resealed + changed, deleted + gone
        return resealed, deleted

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

    def _reseal(self, rows: Iterable[Found]) -> tuple[int, int]:
        current = self._keys.secrets().current
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
        return site, self._keys.lookup(site, name)

    def _seal(self, key: Key, subject: Subject) -> Row:
        return self._keys.seal(packed(subject), _about(key))

    def _unseal(self, key: Key, row: Row) -> Subject:
        master, sealed = row
        return unpacked(self._keys.unseal(master, sealed, _about(key)))


def _about(key: Key) -> bytes:
    """So that a row can't be put in another's place."""
    site, lookup = key
    return lookup + site.encode()
