"""The header Link (RFC 8288)."""

import re
from collections.abc import Sequence

_LINK = re.compile(r"\s*<([^>]*)>((?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:\"(?:[^\"\\]|\\.)*\"|[^\",;\s]*))?)*)\s*(?:,|$)")
_PARAM = re.compile(r";\s*([^\s=;,]+)(?:\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\",;\s]*)))?")


def next_link(values: Sequence[str]) -> str | None:
    """The address with rel=next, as it is written; None if there is none."""
    for value in values:
        place = 0
        while place < len(value) and (match := _LINK.match(value, place)):
            if match.end() == place:
                break
            if "next" in _rels(match[2]):
                return match[1].strip()
            place = match.end()
    return None


def _rels(params: str) -> list[str]:
    for name, quoted, bare in _PARAM.findall(params):
        if name.lower() == "rel":
            # Of several, only the first counts.
            return str(quoted or bare).lower().split()
    return []
