"""Signatures by Standard Webhooks 1.0.0 (standardwebhooks.com): HMAC-SHA-256 over id, timestamp and body."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64
_MAX_SIGNATURES = 16
"""Of a request; a sender that changes its key sends two."""


@dataclass(frozen=True)
class SigningKey:
    """Attributes:
    id: names it in records and to people; nothing of the key can be found from it.
    """

    id: str
    secret: bytes = field(repr=False)


def parse_key(text: str) -> SigningKey:
    """A key as it is handed to people: `whsec_` and base64.

    Raises:
        ValueError: it is none; the message does not show it.
    """
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True) if text.startswith(PREFIX) else b""
    except binascii.Error:
        secret = b""
    if not _SHORTEST <= len(secret) <= _LONGEST:
        raise ValueError(f"is no key: {PREFIX} and the base64 of {_SHORTEST} to {_LONGEST} random bytes")
    return SigningKey(hashlib.sha256(secret).hexdigest()[:8], secret)


def sign(secret: bytes, push_id: str, timestamp: str, body: bytes) -> str:
    """The signature that belongs into `webhook-signature`."""
    code = hmac.new(secret, f"{push_id}.{timestamp}.".encode(), hashlib.sha256)
    code.update(body)
    return f"v1,{base64.b64encode(code.digest()).decode()}"


def signer_of(
    keys: Sequence[SigningKey], push_id: str, timestamp: str, body: bytes, signatures: str
) -> SigningKey | None:
    """The key by which one of the signatures, separated by spaces, was made; None: by none of them.

    How long it takes tells nothing of how much of a signature is right.
    """
    given = [text.encode() for text in signatures.split()[:_MAX_SIGNATURES]]
    for key in keys:
        wanted = sign(key.secret, push_id, timestamp, body).encode()
        if any([hmac.compare_digest(wanted, text) for text in given]):
            return key
    return None
