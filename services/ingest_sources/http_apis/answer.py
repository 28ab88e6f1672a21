"""What an API answered."""

from dataclasses import dataclass

import httpx

from ingest_sources.http_apis.hidden import Hidden

_SHOWN = 200
_LOOKED_AT = 1 << 16
"""Bytes in which secrets are replaced: far more than is shown, so that none is cut and not known."""


@dataclass(frozen=True)
class Answer:
    """Attributes:
    url: of the last request, after redirects.
    body: unpacked.
    """

    status: int
    headers: httpx.Headers
    url: httpx.URL
    body: bytes
    hidden: Hidden

    @property
    def place(self) -> str:
        """Its address as messages show it: a query may hold what is secret."""
        return self.hidden.place(self.url)

    @property
    def beginning(self) -> str:
        """The first characters of its body, without secrets."""
        text = self.hidden.text(self.body[:_LOOKED_AT].decode(errors="replace"))
        return text[:_SHOWN] if text else "(nothing)"
