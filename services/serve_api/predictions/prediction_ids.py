"""Ids of predictions."""

import os

from headrace.clock import Clock


def new_id(clock: Clock) -> str:
    """A UUID of version 7 (RFC 9562): 48 bits of milliseconds, then random ones, so ids sort by time."""
    value = (clock.now_us() // 1_000) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
