"""How large reference data may be: they are held in memory."""

from ingest_sources.rules.steps import ReferenceWrong

MAX_BYTES = 256 << 20


def check_size(title: str, rows: int, max_rows: int, size: int) -> None:
    """
    Raises:
        ReferenceWrong: there are too many rows, or they take too much memory.
    """
    if rows > max_rows:
        raise wrong(f"{title} has more rows than max_rows, {max_rows}; raise that, or leave out what nobody looks up")
    if size > MAX_BYTES:
        raise wrong(f"{title} takes more than {MAX_BYTES >> 20} MiB; take fewer columns, or a smaller reference")


def wrong(message: str) -> ReferenceWrong:
    """A mistake whose message shows no values of rows."""
    return ReferenceWrong(message, message)
