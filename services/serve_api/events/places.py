"""How many requests with events or items are taken at once: small ones and large ones apart."""

from contextlib import AbstractContextManager

from fastapi import Request

from serve_api.clients.client import ClientKind
from serve_api.places import Places

SMALL_BYTES = 65_536
_SMALL_FOR_A_LARGE = 16
"""A large body has at most 16 times as many bytes, so both have as much memory at most."""


class EventPlaces:
    """Of a process. Slow large bodies take no place from small ones, which are most, and strangers none from servers.

    Args:
        small: requests at once whose bodies are announced as small; of others there are a 16th. Pages, whose keys
            everybody can read, have half as many, besides.
    """

    def __init__(self, small: int) -> None:
        self._places = {"server": _Sizes(small, ""), "browser": _Sizes(max(1, small // 2), " of pages")}

    def one_for(self, request: Request, kind: ClientKind) -> AbstractContextManager[None]:
        """Holds a place as long as the block.

        Args:
            kind: of the client.

        Raises:
            Problem: there is none.
        """
        length = request.headers.get("content-length", "")
        is_small = length.isdecimal() and int(length) <= SMALL_BYTES
        places = self._places[kind]
        return (places.small if is_small else places.large).one()


class _Sizes:
    """The places of one kind of client."""

    def __init__(self, small: int, whose: str) -> None:
        doing = f"requests{whose} with events or items are being taken"
        self.small = Places(small, f"small {doing}")
        self.large = Places(max(1, small // _SMALL_FOR_A_LARGE), f"large {doing}")
