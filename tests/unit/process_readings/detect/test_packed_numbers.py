"""States are little-endian on every machine, so that one that another machine wrote can be read."""

import struct
import sys
from array import array

import pytest

from process_readings.detect.packed_numbers import pack_array, pack_doubles, unpack_array, unpack_doubles

NUMBERS = [0.0, -1.5, 2.0**20]


def test_doubles_are_little_endian() -> None:
    assert pack_doubles(NUMBERS) == struct.pack("<3d", *NUMBERS)
    assert unpack_doubles(pack_doubles(NUMBERS)) == NUMBERS


@pytest.mark.parametrize("kind", ["d", "f"])
def test_arrays_are_little_endian_and_left_as_they_are(kind: str) -> None:
    numbers = array(kind, NUMBERS)
    assert pack_array(numbers) == struct.pack(f"<3{kind}", *NUMBERS)
    assert numbers.tolist() == NUMBERS
    assert unpack_array(kind, pack_array(numbers)) == numbers


def test_on_a_big_endian_machine_bytes_are_swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "byteorder", "big" if sys.byteorder == "little" else "little")
    numbers, swapped = array("d", NUMBERS), array("d", NUMBERS)
    swapped.byteswap()
    assert pack_array(numbers) == swapped.tobytes()
    assert unpack_array("d", pack_array(numbers)) == numbers
    assert numbers.tolist() == NUMBERS
