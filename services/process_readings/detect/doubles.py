"""Lists of doubles as little-endian bytes."""

from collections.abc import Collection
from struct import pack, unpack


def pack_doubles(numbers: Collection[float]) -> bytes:
    """Eight bytes a number."""
    return pack(f"<{len(numbers)}d", *numbers)


def unpack_doubles(content: bytes) -> list[float]:
    """The numbers of what `pack_doubles` gave."""
    return list(unpack(f"<{len(content) // 8}d", content))
