"""What is personal in a record, encrypted with its subject's key: when the key is destroyed, nobody can read it."""

import base64
import binascii
import secrets
from collections.abc import Mapping

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from headrace.errors import Reason, TerminalError
from headrace.interactions.records import Attribute
from headrace.subjects.subject import Subject

_NONCE_BYTES = 12
"""Random nonces of 96 bits are safe for 2^32 texts under one key: NIST SP 800-38D, section 8.3."""
_DECODER = msgspec.json.Decoder(dict[str, str | float | bool])


def encrypt_personal(subject: Subject, values: Mapping[str, Attribute]) -> str:
    """The values as base64url of nonce and AES-256-GCM, bound to the subject; other text each time."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = AESGCM(subject.key).encrypt(nonce, msgspec.json.encode(dict(values)), subject.id.encode())
    return base64.urlsafe_b64encode(nonce + sealed).decode()


def decrypt_personal(subject: Subject, text: str) -> dict[str, Attribute]:
    """The values that were encrypted for a subject.

    Raises:
        TerminalError: the text is not of this subject and key, or was changed.
    """
    try:
        content = base64.b64decode(text, altchars=b"-_", validate=True)
        nonce, sealed = content[:_NONCE_BYTES], content[_NONCE_BYTES:]
        return _DECODER.decode(AESGCM(subject.key).decrypt(nonce, sealed, subject.id.encode()))
    except (binascii.Error, InvalidTag, ValueError, msgspec.MsgspecError) as error:
        raise TerminalError(Reason.INVALID_RECORD, "personal fields are not of this subject and key") from error
