"""The requests that a client may make: all of them together, and of a browser's also those of one address."""

from ipaddress import IPv6Address

from serve_api.clients.token_bucket import BucketsByAddress, Rate, TokenBucket

MAX_ADDRESSES = 10_000


class RateLimit:
    """Of one client.

    Args:
        per_address: None where its addresses share alone.
    """

    def __init__(self, rate: Rate, per_address: Rate | None, now: float) -> None:
        self._all = TokenBucket(rate, now)
        self._addresses = None if per_address is None else BucketsByAddress(per_address, MAX_ADDRESSES)

    def take(self, address: str, now: float) -> float:
        """0 where the request may be made, else the seconds until one may."""
        if self._addresses is not None:
            # First, so that an address over its own rate takes nothing from the others.
            wait = self._addresses.of(network_of(address), now).take(now)
            if wait:
                return wait
        return self._all.take(now)

    def charge(self, address: str, tokens: float, now: float) -> None:
        """Takes what a request turned out to cost besides."""
        self._all.charge(tokens)
        if self._addresses is not None:
            self._addresses.of(network_of(address), now).charge(tokens)


def network_of(address: str) -> str:
    """An address, of IPv6 its /64, all of which one household has. An IPv4 one in IPv6's form is the IPv4 one."""
    if ":" not in address:
        return address
    try:
        found = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return found.packed[:8].hex() if found.ipv4_mapped is None else str(found.ipv4_mapped)
