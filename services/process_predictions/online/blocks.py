"""A cell of several parts, each under a signature: one whose meaning changed is left out, and the others go on."""

from collections.abc import Mapping
from struct import Struct

_VERSION = b"\x01"
_HEAD = Struct("<8sH")


def pack_blocks(blocks: Mapping[bytes, bytes]) -> bytes:
    """One byte, and ten before each part."""
    return _VERSION + b"".join(_HEAD.pack(name, len(content)) + content for name, content in blocks.items())


def unpack_blocks(content: bytes) -> dict[bytes, bytes]:
    """The parts by their signatures.

    Raises:
        ValueError: it is of another version, or is cut.
    """
    if content[:1] != _VERSION:
        raise ValueError(f"a cell of blocks begins with {content[:1]!r} and not with {_VERSION!r}")
    blocks: dict[bytes, bytes] = {}
    at = 1
    while at < len(content):
        name, size = _HEAD.unpack_from(content, at)
        at += _HEAD.size + size
        blocks[name] = content[at - size : at]
    if at != len(content):
        raise ValueError("a cell of blocks is cut")
    return blocks
