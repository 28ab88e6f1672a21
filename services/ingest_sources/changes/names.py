"""Names and texts in SQL."""


def quoted_name(name: str) -> str:
    """A name as SQL takes it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def quoted_text(text: str) -> str:
    """A text constant; for commands of replication, which take no parameters."""
    return "'" + text.replace("'", "''") + "'"
