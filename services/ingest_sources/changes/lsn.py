"""Positions in PostgreSQL's write-ahead log (LSN): 64-bit numbers, which it writes as two of 32 bits."""


def parse_lsn(text: str) -> int:
    """The number of a text such as `16/B374D848`."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) | int(low, 16)


def lsn_text(lsn: int) -> str:
    """As PostgreSQL shows it."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"
