"""Keeps secrets out of messages."""

import base64
from collections import deque
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

import httpx

_INSTEAD = "(secret)"
_TOKENS = 4
_LONG = 8


class Hidden:
    """Knows the secrets of one source, in the ways in which they are sent."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._tokens: deque[set[str]] = deque(maxlen=_TOKENS)
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """One more."""
        self._secrets |= _ways(secret)

    def add_token(self, token: str) -> None:
        """One that replaces others; the last few are known, as answers may still name them."""
        self._tokens.append(_ways(token))

    def text(self, text: str) -> str:
        """A text without them."""
        for secret in sorted(self._all(), key=len, reverse=True):
            text = text.replace(secret, _INSTEAD)
        return text

    def is_in(self, text: str) -> bool:
        """Whether a text has one of them; a short one may be there by chance."""
        return any(secret in text for secret in self._all() if len(secret) >= _LONG)

    def _all(self) -> set[str]:
        return self._secrets.union(*self._tokens)

    def place(self, url: httpx.URL) -> str:
        """An address as a message may show it."""
        return self.text(f"{url.scheme}://{url.netloc.decode()}{url.path}")


def _ways(secret: str) -> set[str]:
    encoded = base64.b64encode(secret.encode()).decode()
    return {secret, quote(secret, safe=""), quote_plus(secret), encoded} - {""}
