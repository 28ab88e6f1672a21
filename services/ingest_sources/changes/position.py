"""How far a source of changes is: its cursor, from the first row of the snapshot to the last change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ingest_sources.changes.lsn import lsn_text, parse_lsn
from ingest_sources.changes.seen_transactions import Seen


@dataclass(frozen=True)
class Run:
    """A range of keys that was read under one snapshot.

    Attributes:
        seen: what the snapshot saw.
        until: LSN from which on no transaction is in it.
        upto: the last key that was delivered, which is where the next run's range begins; None is the end.
    """

    seen: Seen
    until: int
    upto: tuple[str, ...] | None


@dataclass(frozen=True)
class Snapshot:
    """Attributes:
    exported: what the slot's own snapshot saw: the stream has all that it didn't see.
    runs: in the order of their keys.
    """

    exported: Seen
    runs: tuple[Run, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether all keys were read."""
        return bool(self.runs) and self.runs[-1].upto is None

    @property
    def until(self) -> int:
        """LSN from which on no transaction is in any of its runs."""
        return max((run.until for run in self.runs), default=0)


@dataclass(frozen=True)
class Position:
    """Attributes:
    system, timeline: of the database server's history, as IDENTIFY_SYSTEM tells them.
    table: OID.
    lsn: all that was committed before it is delivered.
    rows: how many rows were given; the number of the last one.
    commit, changes: LSN of the commit of a transaction that is delivered in part, and how many of its changes are.
    snapshot: None without one, and when the stream has passed it.
    """

    slot: str
    system: str
    timeline: int
    table: int
    lsn: int
    rows: int = 0
    commit: int = 0
    changes: int = 0
    snapshot: Snapshot | None = None

    @property
    def streams(self) -> bool:
        """Whether the snapshot is read."""
        return self.snapshot is None or self.snapshot.is_done

    def after(self, lsn: int, rows: int) -> "Position":
        """After a whole transaction that ends at an LSN."""
        snapshot = self.snapshot
        if snapshot is not None and lsn >= snapshot.until:
            # It must go: numbers of transactions are only unique among the last 2^31.
            snapshot = None
        return replace(self, lsn=max(lsn, self.lsn), rows=rows, commit=0, changes=0, snapshot=snapshot)

    def cursor(self) -> dict[str, Any]:
        """As the ledger keeps it."""
        found: dict[str, Any] = {
            "slot": self.slot,
            "system": self.system,
            "timeline": self.timeline,
            "table": self.table,
            "lsn": lsn_text(self.lsn),
            "rows": self.rows,
        }
        if self.commit:
            found |= {"commit": lsn_text(self.commit), "changes": self.changes}
        if self.snapshot is not None:
            runs = [{"seen": r.seen.text, "until": lsn_text(r.until), "upto": r.upto} for r in self.snapshot.runs]
            found["snapshot"] = {"exported": self.snapshot.exported.text, "runs": runs}
        return found

    @classmethod
    def of(cls, cursor: Mapping[str, Any]) -> "Position":
        """Of a cursor."""
        snapshot = cursor.get("snapshot")
        return cls(
            cursor["slot"],
            cursor["system"],
            cursor["timeline"],
            cursor["table"],
            parse_lsn(cursor["lsn"]),
            cursor["rows"],
            parse_lsn(cursor.get("commit", "0/0")),
            cursor.get("changes", 0),
            None if snapshot is None else Snapshot(Seen.parse(snapshot["exported"]), _runs(snapshot["runs"])),
        )


def _runs(found: Sequence[Mapping[str, Any]]) -> tuple[Run, ...]:
    return tuple(
        Run(Seen.parse(run["seen"]), parse_lsn(run["until"]), None if run["upto"] is None else tuple(run["upto"]))
        for run in found
    )
