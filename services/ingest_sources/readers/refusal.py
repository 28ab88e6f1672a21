"""The errors of reading a file."""

from headrace.errors import Reason, TerminalError, TransientError


class FileRefused(TerminalError):
    """The file as a whole can't be read, or not to its end; rows that were given before stay valid."""


class ReaderLost(TransientError):
    """The process that starts the readers ended, which is not the file's doing: go on after the last row given."""


def unreadable(detail: str) -> FileRefused:
    """The content is not what its format says."""
    return FileRefused(Reason.UNEXPECTED_SHAPE, detail)


def too_large(detail: str) -> FileRefused:
    """A limit was passed."""
    return FileRefused(Reason.TOO_LARGE, detail)
