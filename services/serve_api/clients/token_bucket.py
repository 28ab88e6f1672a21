"""How often somebody may ask: tokens that come at a rate, up to a burst, of which each request takes one."""

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """Attributes:
    per_second: tokens that come.
    burst: tokens there are at most.
    """

    per_second: float
    burst: float


class TokenBucket:
    """Full at first."""

    __slots__ = ("_at", "_left", "_rate")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._left = rate.burst
        self._at = now

    def take(self, now: float) -> float:
        """Takes a token and returns 0, or takes none and returns the seconds until there is one."""
        self._left = min(self._rate.burst, self._left + (now - self._at) * self._rate.per_second)
        self._at = now
        if self._left < 1:
            return (1 - self._left) / self._rate.per_second
        self._left -= 1
        return 0.0

    def charge(self, tokens: float) -> None:
        """Takes what a request turned out to cost besides, even where there are fewer: the next ones wait for it."""
        self._left -= tokens


class BucketsByAddress:
    """A bucket for each address that asked lately.

    Args:
        most: held at once; the one that was asked for longest ago goes first, as the likeliest to be full again.
    """

    def __init__(self, rate: Rate, most: int) -> None:
        self._rate = rate
        self._most = most
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def of(self, address: str, now: float) -> TokenBucket:
        """The bucket of an address."""
        bucket = self._buckets.get(address)
        if bucket is not None:
            self._buckets.move_to_end(address)
            return bucket
        if len(self._buckets) >= self._most:
            self._buckets.popitem(last=False)
        bucket = self._buckets[address] = TokenBucket(self._rate, now)
        return bucket

    def __len__(self) -> int:
        return len(self._buckets)
