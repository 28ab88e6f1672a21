"""Which transactions a snapshot of a database has seen: PostgreSQL's `pg_snapshot`."""

from dataclasses import dataclass

_EPOCH = 1 << 32


@dataclass(frozen=True)
class Seen:
    """Attributes:
    xmin: all transactions below it had ended.
    xmax: it and all above it had not begun, or had not ended.
    running: those in between that had not ended, or had failed.
    """

    xmin: int
    xmax: int
    running: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> "Seen":
        """As `pg_current_snapshot()` gives it: `xmin:xmax:running,running`, numbers of 64 bits."""
        xmin, xmax, running = text.split(":")
        return cls(int(xmin), int(xmax), frozenset(map(int, filter(None, running.split(",")))))

    @property
    def text(self) -> str:
        """As PostgreSQL writes it."""
        return f"{self.xmin}:{self.xmax}:{','.join(map(str, sorted(self.running)))}"

    def sees(self, xid: int) -> bool:
        """Whether what a transaction that was committed did is in the snapshot.

        Args:
            xid: the lower 32 bits, as the stream has them, of a transaction less than 2^31 ones away from this.
        """
        away = (xid - self.xmax) % _EPOCH
        whole = self.xmax + (away if away < _EPOCH // 2 else away - _EPOCH)
        return whole < self.xmax and whole not in self.running

    def covers(self, earlier: "Seen") -> bool:
        """Whether all that an earlier snapshot saw is in this one.

        A snapshot of a slot sees a transaction as soon as its commit is in the log; others only when it has ended,
        which is later where it waits for a synchronous standby.
        """
        unseen = {xid for xid in self.running if xid < earlier.xmax} | set(range(self.xmax, earlier.xmax))
        return unseen <= earlier.running
