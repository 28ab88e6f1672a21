"""The replication slot of a source: made for a first snapshot, checked before each stream."""

from dataclasses import dataclass

from headrace.errors import ConfigurationError, TransientError
from ingest_sources.changes.change_stream import ANEW
from ingest_sources.changes.link import Link, Waiting
from ingest_sources.changes.lsn import lsn_text, parse_lsn
from ingest_sources.changes.names import quoted_name
from ingest_sources.changes.position import Position

_CREATE_S = 600.0
_SLOT = """
SELECT plugin, database = current_database(), active_pid, wal_status, confirmed_flush_lsn, two_phase
FROM (SELECT plugin, database, active_pid, wal_status, confirmed_flush_lsn, to_jsonb(s) ->> 'two_phase' AS two_phase
    FROM pg_replication_slots s WHERE slot_name = $1) AS found
"""


@dataclass(frozen=True)
class Slot:
    """Attributes:
    lsn: what was committed before it is not sent any more.
    is_lost: the server has deleted what it needs.
    """

    name: str
    lsn: int
    is_lost: bool = False


def find_slot(link: Link, name: str) -> Waiting[Slot | None]:
    """The slot, if there is one.

    Raises:
        TransientError: somebody reads from it.
        ConfigurationError: it can't be read from.
    """
    found = yield from link.rows(_SLOT, name)
    if not found:
        return None
    ((plugin, is_own, pid, wal_status, lsn, two_phase),) = found
    if plugin != "pgoutput" or is_own != "t" or two_phase == "true":
        raise ConfigurationError(
            f"slot {name} is not this source's: it is of another database, or not of pgoutput with its defaults. Name "
            "another one under `slot`"
        )
    if pid is not None:
        raise TransientError(
            f"slot {name} is in use by process {pid} of the server: another Headrace reads it, or a connection that is "
            "lost has not ended yet"
        )
    return Slot(name, parse_lsn(lsn or "0/0"), wal_status == "lost" or lsn is None)


def create_slot(link: Link, name: str, exports: bool) -> Waiting[tuple[Slot, str]]:
    """Makes the slot; waits for all transactions that run.

    Args:
        link: one that replicates; until the snapshot is taken over, it must do nothing else.
        exports: what the database was when the slot begins is wanted.

    Returns:
        the slot and the name of its snapshot.

    Raises:
        TransientError, ConfigurationError: it failed.
    """
    snapshot = "EXPORT_SNAPSHOT" if exports else "NOEXPORT_SNAPSHOT"
    sql = f"CREATE_REPLICATION_SLOT {quoted_name(name)} LOGICAL pgoutput {snapshot}"
    ((_, lsn, exported, _),) = yield from link.rows(sql, answer_s=_CREATE_S)
    return Slot(name, parse_lsn(str(lsn))), exported or ""


def drop_slot(link: Link, name: str) -> Waiting[None]:
    """Drops a slot that nobody uses.

    Raises:
        TransientError, ConfigurationError: it failed.
    """
    yield from link.rows("SELECT pg_drop_replication_slot($1)", name)


def check_slot(slot: Slot | None, place: Position) -> None:
    """That the slot has all that follows a position.

    Raises:
        ConfigurationError: it hasn't; says what to do.
    """
    if slot is None:
        raise ConfigurationError(
            f"slot {place.slot} is gone, and with it the changes after {lsn_text(place.lsn)}. {ANEW}"
        )
    if slot.is_lost:
        raise ConfigurationError(
            f"slot {place.slot} is lost: it held more than max_slot_wal_keep_size allows while nothing was read, so "
            f"changes are lost. {ANEW}; give that limit more room before"
        )
    if slot.lsn > place.lsn:
        # It moves only after what is before is in Kafka, so this was not done here.
        raise ConfigurationError(
            f"slot {place.slot} stands at {lsn_text(slot.lsn)}, after what is delivered, {lsn_text(place.lsn)}: it "
            f"was made anew, or somebody else read from it, so changes are lost. {ANEW}"
        )


def check_system(place: Position, system: str, timeline: int) -> None:
    """That the server has the history that was read so far.

    Raises:
        ConfigurationError: it is another one; says what to do.
    """
    if (place.system, place.timeline) != (system, timeline):
        raise ConfigurationError(
            f"the database is another one than was read so far (system {system} timeline {timeline}, not "
            f"{place.system} timeline {place.timeline}): it was restored, or another server took over. {ANEW}"
        )
