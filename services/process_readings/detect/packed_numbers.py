"""Numbers as little-endian bytes."""

import sys
from array import array
from collections.abc import Collection
from struct import pack, unpack
from typing import Any


def pack_doubles(numbers: Collection[float]) -> bytes:
    """Eight bytes a number."""
    return pack(f"<{len(numbers)}d", *numbers)


def unpack_doubles(content: bytes) -> list[float]:
    """The numbers of what `pack_doubles` gave."""
    return list(unpack(f"<{len(content) // 8}d", content))


def pack_array(numbers: "array[Any]") -> bytes:
    """As many bytes a number as its type has."""
    return _little_endian(numbers).tobytes()


def unpack_array(kind: str, content: bytes) -> "array[Any]":
    """The numbers of what `pack_array` gave.

    Args:
        kind: the array's type code.
    """
    numbers: array[Any] = array(kind)
    numbers.frombytes(content)
    return _little_endian(numbers)


def _little_endian(numbers: "array[Any]") -> "array[Any]":
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers
