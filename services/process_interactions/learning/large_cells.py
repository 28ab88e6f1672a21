"""Contents of any length in cells that a record holds."""

from collections.abc import Iterable, Iterator
from struct import Struct

from headrace.streams.batch import Cell, Cells

PART_BYTES = 200_000
_PART = Struct(">I")


class LargeCells:
    """Cuts contents into parts, and puts them together again; it knows only the keys that have more than one.

    The first part has the key of the content and its number of parts before it; the others have keys of their own under
    another prefix.

    Args:
        whole, part: prefixes of the keys; neither begins with the other.
    """

    def __init__(self, whole: bytes, part: bytes) -> None:
        self._whole, self._part = whole, part
        self._parts: dict[bytes, int] = {}

    def cut(self, cells: Iterable[Cell]) -> Iterator[Cell]:
        """The cells of contents, and what deletes the parts that they have no more."""
        for key, content in cells:
            before = self._parts.pop(key, 1)
            parts = 1
            if content is None:
                yield self._whole + key, None
            else:
                parts = max(-(-len(content) // PART_BYTES), 1)
                yield self._whole + key, _PART.pack(parts) + content[:PART_BYTES]
                for number in range(1, parts):
                    yield self._key(key, number), content[number * PART_BYTES : (number + 1) * PART_BYTES]
                if parts > 1:
                    self._parts[key] = parts
            for number in range(parts, before):
                yield self._key(key, number), None

    def join(self, cells: Cells) -> Iterator[tuple[bytes, bytes]]:
        """Takes its own out of all cells and gives the contents.

        Raises:
            ValueError: a part is missing.
        """
        for cell in [cell for cell in cells if cell.startswith(self._whole)]:
            key, content = cell[len(self._whole) :], cells.pop(cell)
            parts: int = _PART.unpack_from(content)[0] if len(content) >= _PART.size else 0
            content = content[_PART.size :]
            if parts != 1:
                if parts == 0 or any(self._key(key, number) not in cells for number in range(1, parts)):
                    raise ValueError(f"a part of cell {key!r} is missing")
                content += b"".join(cells.pop(self._key(key, number)) for number in range(1, parts))
                self._parts[key] = parts
            yield key, content

    def _key(self, key: bytes, number: int) -> bytes:
        return self._part + _PART.pack(number) + key
