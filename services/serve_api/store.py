"""What the routes ask of the store; `cassandra_store` answers it."""

from dataclasses import dataclass
from typing import Protocol

from headrace.records import Anomaly, AnomalyFeedback, Device, Reading, Window
from serve_api.scan import Found, Position


@dataclass(frozen=True)
class Slice:
    """A page of rows in order of time.

    Attributes:
        start, end: microseconds, half-open.
        newest_first: the order.
        after: position of the last row of the page before; the page begins behind it.
        limit: rows at most.
    """

    site: str
    start: int
    end: int
    newest_first: bool
    after: Position | None
    limit: int

    def is_behind(self, position: Position) -> bool:
        """Whether a row lies behind the page before, in this slice's order."""
        if self.after is None:
            return True
        return position < self.after if self.newest_first else position > self.after


@dataclass(frozen=True)
class JudgedAnomaly:
    """An anomaly, and the newest that was said of it."""

    anomaly: Anomaly
    feedback: AnomalyFeedback | None


@dataclass(frozen=True)
class AnomalyOrigin:
    """The reading that an anomaly is, and the family of the detector that found it: what its id is made of."""

    device: str
    metric: str
    time: int
    n: int
    detector: str


class Store(Protocol):
    """Reads of one site; a found page's `reached` is what the next one's `after` has to be.

    Each raises `TransientError` where the store does not answer.
    """

    async def check(self) -> None:
        """Returns when the store answers."""
        ...

    def failure(self) -> str | None:
        """What only a restart mends, or None."""
        ...

    async def device(self, site: str, device: str) -> Device | None:
        """A device, or None where it is not known."""
        ...

    async def devices(self, site: str, after: str, limit: int) -> Found[Device]:
        """Devices by name, those behind `after`."""
        ...

    async def latest(
        self, site: str, device: str | None, metric: str | None, after: Position | None, limit: int
    ) -> Found[Reading]:
        """The newest reading of each metric, of one device or of all."""
        ...

    async def readings(self, device: str, metric: str | None, wanted: Slice) -> Found[Reading]:
        """Readings by time, those of one time by `n` and metric."""
        ...

    async def windows(self, device: str, metric: str | None, width: int, wanted: Slice) -> Found[Window]:
        """Windows of one width in microseconds, by their start."""
        ...

    async def anomalies(self, device: str | None, metric: str | None, wanted: Slice) -> Found[JudgedAnomaly]:
        """Anomalies of one device, or of all."""
        ...

    async def anomaly_origin(self, site: str, identity: str) -> AnomalyOrigin | None:
        """What an anomaly was found in, or None where the site has none of that id."""
        ...
