"""How many requests with events or items are taken at once: small ones and large ones apart."""

from contextlib import AbstractContextManager

from fastapi import Request

from serve_api.places import Places

SMALL_BYTES = 65_536
_SMALL_FOR_A_LARGE = 16
"""A large body has at most 16 times as many bytes, so both have as much memory at most."""


class EventPlaces:
    """Of a process. Slow large bodies take no place from small ones, which are most.

    Args:
        small: requests at once whose bodies are announced as small; of others there are a 16th.
    """

    def __init__(self, small: int) -> None:
        self._small = Places(small, "small requests with events or items are being taken")
        self._large = Places(max(1, small // _SMALL_FOR_A_LARGE), "large requests with events or items are being taken")

    def one_for(self, request: Request) -> AbstractContextManager[None]:
        """Holds a place as long as the block.

        Raises:
            Problem: there is none.
        """
        length = request.headers.get("content-length", "")
        is_small = length.isdecimal() and int(length) <= SMALL_BYTES
        return (self._small if is_small else self._large).one()
