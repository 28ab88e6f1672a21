"""Ids of predictions, the same in every recomputation."""

import hashlib

_LENGTH = 32


def id_of(*parts: str | int) -> str:
    """32 hexadecimal digits that only these parts have."""
    joined = "\0".join(str(part) for part in parts)
    return hashlib.sha256(joined.encode()).hexdigest()[:_LENGTH]
