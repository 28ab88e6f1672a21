"""Which interactions of a subject were taken already, by hashes of their ids."""

from hashlib import blake2b

from process_interactions.subjects.chunks import Chunks

KEPT_US = 7 * 86_400_000_000
"""Append time for which a repeat is recognised."""
MOST = 2_000
"""Identities that are kept of a subject."""
_BYTES = 8
_IN_A_CHUNK = 50


def identity_of(event: str) -> bytes:
    """Eight bytes of an event's id: of 2,000 ids, two are alike once in 10^13 subjects."""
    return blake2b(event.encode(), digest_size=_BYTES).digest()


def identities(prefix: bytes, first: int = 0, contents: list[bytes] | None = None) -> Chunks:
    """Those of a subject: 50 in a cell of 408 bytes."""
    return Chunks(prefix, _IN_A_CHUNK * _BYTES, MOST // _IN_A_CHUNK, first, contents)
