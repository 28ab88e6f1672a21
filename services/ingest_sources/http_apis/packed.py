"""Short hashes, and many of them as one text: what a position can hold of rows and pages."""

import base64
import hashlib
from collections.abc import Iterable, Iterator

SIZE = 8
"""Bytes of a hash: of a billion rows, one in 400,000 such runs would be taken for one of 25,000 others."""


def digest_of(parts: Iterable[bytes]) -> bytes:
    """A hash of texts in their order; where one ends counts."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big"))
        whole.update(part)
    return whole.digest()[:SIZE]


def packed(digests: Iterable[bytes]) -> str:
    """All of them as a text."""
    return base64.b64encode(b"".join(digests)).decode()


def unpacked(text: str) -> Iterator[bytes]:
    """They of such a text."""
    data = base64.b64decode(text)
    for start in range(0, len(data), SIZE):
        yield data[start : start + SIZE]
