"""The names of a source's topic and columns in Cassandra: each has one, and no two share one."""

import hashlib
import re

KEY = "__key__"
"""The column of the row's key. No column of a row is named so: `column_of` gives another name."""
MAX_NAME_BYTES = 200
"""Of a column that keeps its name. A name of 66,000 bytes, as of a file without a header, ended Cassandra 5.0."""
OWN_TOPIC = r"^sources\.[a-z][a-z0-9_]{0,39}$"
"""As librdkafka takes it, which is POSIX's syntax: it can't leave out the topics below."""
NOT_OWN = ("sources.ledger", "sources.pushed", "sources.reports", "sources.schemas")
_PREFIX = "sources."
_ESCAPED = "__column_"
_DIGEST = "__digest_"


def table_of(topic: str) -> str:
    """The table of a topic, which is at most 47 of the 48 characters that Cassandra takes.

    Raises:
        ValueError: it is no topic of a source's own.
    """
    if not re.fullmatch(OWN_TOPIC, topic) or topic in NOT_OWN:
        raise ValueError(f"{topic} is no topic of a source's own")
    return f"source_{topic.removeprefix(_PREFIX)}"


def column_of(name: str) -> str:
    """The column of a row's column: the same name, unless it is empty, begins with `__` or is very long."""
    packed = name.encode()
    if len(packed) > MAX_NAME_BYTES:
        return _DIGEST + hashlib.sha256(packed).hexdigest()[:32]
    return _ESCAPED + name if not name or name.startswith("__") else name


def quoted(name: str) -> str:
    """A name as CQL, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'
