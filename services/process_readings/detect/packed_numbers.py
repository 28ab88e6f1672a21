"""Numbers as little-endian bytes."""

import sys
from array import array
from collections.abc import Iterable
from typing import Any


def pack_doubles(numbers: Iterable[float]) -> bytes:
    """Eight bytes a number."""
    return pack_array(array("d", numbers))


def unpack_doubles(content: bytes) -> list[float]:
    """The numbers of what `pack_doubles` gave."""
    return unpack_array("d", content).tolist()


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
