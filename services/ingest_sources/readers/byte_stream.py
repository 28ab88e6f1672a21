"""Pieces of bytes as a stream that can be looked at before it is read."""

from collections.abc import Iterator


class ByteStream:
    """Reads as many bytes as asked for unless the end comes first; holds no more than that and one piece."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held: list[bytes] = []
        self._size = 0

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay; fewer than `size` at the end only."""
        self._fill(size)
        if len(self._held) > 1:
            self._held = [b"".join(self._held)]
        return self._held[0][:size] if self._held else b""

    def read(self, size: int) -> bytes:
        data = self.peek(size)
        rest = self._held[0][size:] if self._held else b""
        self._held = [rest] if rest else []
        self._size = len(rest)
        return data

    def _fill(self, size: int) -> None:
        while self._size < size:
            piece = next(self._pieces, None)
            if piece is None:
                return
            if piece:
                self._held.append(piece)
                self._size += len(piece)
