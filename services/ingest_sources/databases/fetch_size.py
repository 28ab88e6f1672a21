"""How many rows are fetched at once, so that a part is of a size: no row tells how large the next one is."""

_FIRST_ROWS = 20
_MOST_ROWS = 200


class FetchSize:
    """Counts what is in a part, and says how many rows to fetch next.

    A driver holds all rows of one fetch, so that few are fetched at once: a part is larger than it should be by no more
    than one fetch, where small rows are followed by large ones.

    Args:
        rows: in a part at most.
        size: of a part, in bytes.
    """

    def __init__(self, rows: int, size: int) -> None:
        self._most_rows = rows
        self._most_size = size
        self._rows = self._size = self._each = 0

    @property
    def next_rows(self) -> int:
        """How many to fetch now, one at least."""
        if not self._each:
            return min(_FIRST_ROWS, self._most_rows)
        fitting = (self._most_size - self._size) // self._each
        return max(1, min(_MOST_ROWS, self._most_rows - self._rows, fitting))

    @property
    def is_full(self) -> bool:
        """Whether the part has all that it may."""
        return self._rows >= self._most_rows or self._size >= self._most_size

    def took(self, rows: int, size: int) -> None:
        """Told of each fetch: how many rows came and how many bytes they are."""
        self._rows += rows
        self._size += size
        self._each = size // max(1, rows) + 1

    def begin(self) -> None:
        """Another part begins; its rows may be as large as the last that came."""
        self._rows = self._size = 0
