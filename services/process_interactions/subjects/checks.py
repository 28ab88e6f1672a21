"""What records must be for the state to bear them; edges check the same, and topics may be written by others."""

from headrace.errors import Reason, TerminalError
from headrace.interactions.limits import MAX_ID, MAX_ITEM
from headrace.interactions.records import Interaction, Recommendation

_MOST_KEY = 64
_MOST_SHOWN = 1_000
_MOST_ANSWER_BYTES = 900_000
"""An open answer is kept as it came, with its id beside it, in a cell of at most 1,000,000 bytes."""
_INT64_MAX = 2**63 - 1
_BEST_RATING = 10.0


def checked_key(key: bytes | None, subject: str) -> bytes:
    """The key of a record about a subject.

    Raises:
        TerminalError: it is not the subject.
    """
    if key is None or not 0 < len(key) <= _MOST_KEY or b"\0" in key or key.decode(errors="replace") != subject:
        detail = f"its key is {key!r} and must be its subject, of 1 to {_MOST_KEY} bytes"
        raise TerminalError(Reason.INVALID_RECORD, detail)
    return key


def check_interaction(interaction: Interaction) -> None:
    """Checks what is kept of an interaction.

    Raises:
        TerminalError: something is out of range.
    """
    if not 0 <= interaction.time <= _INT64_MAX:
        raise TerminalError(Reason.INVALID_TIME, f"its time is {interaction.time} and must be microseconds since 1970")
    if not _fits(interaction.id, MAX_ID) or not _fits(interaction.item, MAX_ITEM):
        detail = f"its id or item is longer than {MAX_ID} or {MAX_ITEM} characters"
        raise TerminalError(Reason.INVALID_RECORD, detail)
    if not _fits(interaction.recommendation, MAX_ID) or not 0 <= (interaction.position or 0) <= _INT64_MAX:
        raise TerminalError(Reason.INVALID_RECORD, "it names no answer's id, or no place from 0 on")
    if interaction.kind == "rating" and not 0.0 <= (interaction.value or 0.0) <= _BEST_RATING:
        raise TerminalError(Reason.INVALID_RECORD, f"its rating is {interaction.value} and must be 0 to 10")


def check_answer(answer: Recommendation, size: int) -> None:
    """Checks what is kept of an answer, which came as so many bytes.

    Raises:
        TerminalError: something is out of range.
    """
    if size > _MOST_ANSWER_BYTES:
        raise TerminalError(Reason.TOO_LARGE, f"an answer of {size} bytes; {_MOST_ANSWER_BYTES} can be kept open")
    if not 0 <= answer.made <= _INT64_MAX:
        raise TerminalError(Reason.INVALID_TIME, f"it was made at {answer.made} and must be microseconds since 1970")
    if not _fits(answer.id, MAX_ID) or len(answer.items) > _MOST_SHOWN:
        detail = f"its id is longer than {MAX_ID} characters, or it has over {_MOST_SHOWN} items"
        raise TerminalError(Reason.INVALID_RECORD, detail)


def _fits(text: str | None, most: int) -> bool:
    return text is None or len(text) <= most
