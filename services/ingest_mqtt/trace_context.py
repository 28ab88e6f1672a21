"""W3C trace context: which `traceparent` may be passed on (https://www.w3.org/TR/trace-context/, section 3.2)."""

import re

_VERSION_00 = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_LENGTH_00 = 55


def is_traceparent(value: bytes) -> bool:
    """Whether a `traceparent` is valid; a later version is read as version 00 with more behind it."""
    match = _VERSION_00.match(value)
    if match is None or value[:2] == b"ff" or not (match[1].strip(b"0") and match[2].strip(b"0")):
        return False
    more = value[_LENGTH_00:]
    return not more or (value[:2] != b"00" and more[:1] == b"-")
