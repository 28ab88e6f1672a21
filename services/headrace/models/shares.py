"""The share of a model's predictions that an id belongs to, which says whether its canary makes them."""

import hashlib

_SPAN = 1 << 64


def share_of(model: str, prediction_id: str) -> float:
    """Where in [0, 1) an id lies: the same for the same id in every process, apart for each model."""
    digest = hashlib.blake2b(f"{model}\0{prediction_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / _SPAN
