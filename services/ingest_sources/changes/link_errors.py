"""What an error of PostgreSQL means: it may pass, or a person must mend it."""

from headrace.errors import ConfigurationError, TransientError

_PASSING = ("08", "40", "53", "55P03", "57", "58", "XX", "55006", "25P03")
"""Connection, retry, resources, locks, a person's or a crash's shutdown, files, internal; a slot or object in use."""
_FINAL = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "does not exist",
    "permission denied",
    "replication role",
    "REPLICATION attribute",
    "not permitted to log in",
    "certificate verify failed",
)
IN_USE = "55006"
DENIED = "42501"


def error_of(state: str, message: str, hint: str = "") -> TransientError | ConfigurationError:
    """The error of a statement that failed.

    Args:
        state: SQLSTATE, of five characters.
    """
    text = f"PostgreSQL: {message}{f' ({hint})' if hint else ''} [{state}]"
    if "already been removed" in message:
        return ConfigurationError(text)
    return TransientError(text) if state.startswith(_PASSING) or not state else ConfigurationError(text)


def refusal_of(message: str) -> TransientError | ConfigurationError:
    """The error of a connection that could not be made, of which libpq tells no SQLSTATE."""
    text = " ".join(message.split())
    return ConfigurationError(text) if any(words in message for words in _FINAL) else TransientError(text)
