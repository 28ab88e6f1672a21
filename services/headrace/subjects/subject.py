"""A subject: the random id that stands for a person in all records, and the key of what is personal about them."""

import base64
import secrets
from dataclasses import dataclass, field

KEY_BYTES = 32
_ID_BYTES = 16
_SESSION = "session:"
MAX_NAME = 256


@dataclass(frozen=True, slots=True)
class Subject:
    """Attributes:
    id: 22 characters of base64url, 16 random bytes.
    key: 32 bytes for AES-256-GCM; erasure destroys it.
    """

    id: str
    key: bytes = field(repr=False)


def new_subject() -> Subject:
    """One that nobody has."""
    return Subject(id_of(secrets.token_bytes(_ID_BYTES)), secrets.token_bytes(KEY_BYTES))


def packed(subject: Subject) -> bytes:
    """Id and key as 48 bytes."""
    return base64.urlsafe_b64decode(f"{subject.id}==") + subject.key


def unpacked(content: bytes) -> Subject:
    """The subject of 48 bytes."""
    return Subject(id_of(content[:_ID_BYTES]), content[_ID_BYTES:])


def id_of(content: bytes) -> str:
    """16 bytes as 22 characters of base64url."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def user_name(user: str) -> str:
    """What a user is looked up by: the id that the client knows.

    Raises:
        ValueError: it is empty, longer than 256 characters, or would be taken for a session.
    """
    if user.startswith(_SESSION):
        raise ValueError(f"a user id can't begin with {_SESSION}, by which anonymous sessions are told")
    return _checked(user, "a user id")


def session_name(session: str) -> str:
    """What an anonymous session is looked up by: a name that no user has.

    Raises:
        ValueError: it is empty or longer than 256 characters.
    """
    return _SESSION + _checked(session, "a session id")


def _checked(name: str, what: str) -> str:
    if not 0 < len(name) <= MAX_NAME:
        raise ValueError(f"{what} has 1 to {MAX_NAME} characters, not {len(name)}")
    return name
