"""In which arm a subject is: a hash says it, the same in every process and after every restart."""

import hashlib
import math
from collections.abc import Mapping

_BYTES = 7
# Half a step off 0, where a logarithm has no value; 53 bits, which a float holds exactly.
_BITS = 53
_STEP = 2.0**-_BITS


def place_of(salt: str, purpose: str, subject: str) -> float:
    """Where in (0, 1) a subject lies: SHA-256 of the three, so apart for each salt and purpose."""
    digest = hashlib.sha256(f"{salt}\0{purpose}\0{subject}".encode()).digest()
    return ((int.from_bytes(digest[:_BYTES]) >> (8 * _BYTES - _BITS)) + 0.5) * _STEP


def arm_of(salt: str, subject: str, shares: Mapping[str, float]) -> str:
    """One of the arms, each with the probability of its share.

    By weighted rendezvous hashing (Schindelhauer and Schomaker, "Weighted distributed hash tables", SPAA 2005): where
    shares change, only those people move who must, and only to arms whose share grew against the others'.

    Args:
        shares: arm → share, above 0; they need not add up to 1.
    """
    return min(shares, key=lambda arm: -math.log(place_of(salt, arm, subject)) / shares[arm])
