"""Where addresses may lead: scheme, host and port."""

from collections.abc import Sequence
from typing import NamedTuple

import httpx

from headrace.errors import ConfigurationError

_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """That of an address (RFC 6454)."""

    scheme: str
    host: str
    port: int


def origin_of(url: httpx.URL) -> Origin:
    """The origin of an address."""
    return Origin(url.scheme, url.raw_host.decode().lower(), url.port or _PORTS.get(url.scheme, 0))


class Reach:
    """The origins that a source may ask.

    Args:
        home: of its own address, the only one to which credentials are sent.
        hosts: others, as NAME or NAME:PORT, by the same scheme.

    Raises:
        ConfigurationError: one of the hosts is none.
    """

    def __init__(self, home: httpx.URL, hosts: Sequence[str]) -> None:
        self._home = origin_of(home)
        self._allowed = {self._home}
        for host in hosts:
            try:
                url = httpx.URL(f"{home.scheme}://{host}/")
                is_host = bool(url.host) and url.path == "/" and not url.query and not url.userinfo and "/" not in host
            except httpx.InvalidURL:
                is_host = False
            if not is_host:
                raise ConfigurationError(f"hosts: {host!r} is no name of a host, nor NAME:PORT")
            self._allowed.add(origin_of(url))

    def is_home(self, url: httpx.URL) -> bool:
        """Whether credentials may be sent there."""
        return origin_of(url) == self._home

    def check(self, url: httpx.URL, what: str) -> None:
        """Checks an address that an answer named.

        Raises:
            ConfigurationError: the source may not ask there.
        """
        origin = origin_of(url)
        if origin.scheme != self._home.scheme:
            raise ConfigurationError(
                f"{what} leads from {self._home.scheme} to {origin.scheme or 'no scheme'}: if that is right, "
                "write it in `url`"
            )
        if origin not in self._allowed:
            raise ConfigurationError(
                f"{what} leads to {origin.host}:{origin.port}, where this source may not ask: if that is right, add it "
                "to `hosts`"
            )
