"""The table of subjects in memory, with Cassandra's semantics of light-weight transactions."""

from collections.abc import Iterator, Sequence

from headrace.errors import TransientError
from headrace.subjects.subject_rows import Found, Key, Row, SubjectRows


class MemoryTable(SubjectRows):
    """`is_away` makes each call fail; `asked` counts the rows that were read."""

    def __init__(self) -> None:
        self.rows: dict[Key, Row] = {}
        self.is_away = False
        self.asked = 0

    def read(self, keys: Sequence[Key]) -> list[Row | None]:
        self._check()
        self.asked += len(keys)
        return [self.rows.get(key) for key in keys]

    def read_settled(self, key: Key) -> Row | None:
        self._check()
        return self.rows.get(key)

    def insert(self, rows: Sequence[tuple[Key, Row]]) -> list[Row]:
        self._check()
        return [self.rows.setdefault(key, row) for key, row in rows]

    def delete(self, key: Key, sealed: bytes) -> bool:
        self._check()
        if key in self.rows and self.rows[key][1] == sealed:
            del self.rows[key]
            return True
        return False

    def replace(self, changes: Sequence[tuple[Key, bytes, Row]]) -> list[bool]:
        self._check()
        fits = [key in self.rows and self.rows[key][1] == expected for key, expected, _ in changes]
        self.rows |= {key: row for (key, _, row), fit in zip(changes, fits, strict=True) if fit}
        return fits

    def scan(self) -> Iterator[Found]:
        self._check()
        yield from [Found(key, row) for key, row in self.rows.items()]

    def end_commit_log(self) -> None:
        """There is none."""

    def close(self) -> None:
        """Nothing is open."""

    def _check(self) -> None:
        if self.is_away:
            raise TransientError("Cassandra is away")
