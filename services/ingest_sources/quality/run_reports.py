"""The report of the run that is under way: of what is committed, and of nothing else."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import msgspec

from headrace.clock import Clock
from headrace.streams.batch import OutRecord
from ingest_sources.feeds.feed_entry import FeedEntry
from ingest_sources.quality.drift import FEWEST, REMEMBERED, findings_of
from ingest_sources.quality.part_quality import PartQuality
from ingest_sources.quality.report import Report, RunKind
from ingest_sources.quality.report_topic import report_record
from ingest_sources.quality.wording import moment

STREAM_ROWS = 100_000
STREAM_US = 3_600_000_000
"""After so many rows, or so long, a stream's report ends with the part that is under way."""
OnCommitted = Callable[[Mapping[str, int], Report | None], None]
"""Told rows by rule of each part that is committed, and the report that was committed with it."""


class Entry(Protocol):
    """What the ledger keeps of a position."""

    @property
    def changed_us(self) -> int:
        """When it was made."""
        ...


@dataclass
class _Run:
    """Attributes:
    place: where its file is read on.
    quality: of what is committed.
    """

    kind: RunKind
    what: str
    begun_us: int
    is_partial: bool
    place: tuple[str, int] = ("", 0)
    quality: PartQuality = field(default_factory=PartQuality)


@dataclass(frozen=True)
class _Pending:
    """What counts when its entry is committed."""

    entry: Entry
    place: tuple[str, int]
    quality: PartQuality
    report: Report | None


def _unheard(by_rule: Mapping[str, int], report: Report | None) -> None:
    """The default of `on_committed`."""


class RunReports:
    """One source's reports. One part at a time is between `add` and `committed`, which another thread may call.

    Args:
        former: its reports that are committed, the oldest first.
        times: columns that are times.
    """

    def __init__(
        self,
        source: str,
        clock: Clock,
        former: Iterable[Report] = (),
        on_committed: OnCommitted = _unheard,
        times: Iterable[str] = (),
    ) -> None:
        self._source = source
        self._clock = clock
        self._former = deque(former, REMEMBERED)
        self._on_committed = on_committed
        self._times = tuple(times)
        self._run: _Run | None = None
        self._pending: _Pending | None = None
        self._empty_runs = 0

    def begin_file(self, file: str, sha256: str, position: int) -> None:
        """A content is read on at a position: of the run that is under way, if that stands there."""
        place = (sha256, position)
        if self._run is None or position == 0 or self._run.place != place:
            self._run = _Run("file", file, self._clock.now_us(), position > 0, place)

    def begin_feed(self, is_stream: bool, entry: FeedEntry) -> None:
        """A feed is read on at an entry: of the run that is under way, or of a new one."""
        if self._run is None:
            known = self._former[-1].total if self._former else 0
            is_partial = entry.cursor is not None and _total(entry) != known
            self._begin_feed("stream" if is_stream else "run", is_partial, self._clock.now_us())

    def begin_anew(self) -> None:
        """The source is to be read from its beginning: what was read of a run so far is no run."""
        self._run = None

    def add(self, parts: Iterable[PartQuality], entry: Entry, position: int = 0) -> list[OutRecord]:
        """A part is to be committed with an entry; gives the report that belongs to the same transaction, if one does.

        Args:
            position: of a file, after the part.
        """
        run = self._begun()
        quality = PartQuality()
        for part in parts:
            quality = quality.merged(part)
        is_over = run.kind == "stream" and (
            run.quality.read + quality.read >= STREAM_ROWS or entry.changed_us - run.begun_us >= STREAM_US
        )
        report = self._report(run.quality.merged(quality), entry) if is_over else None
        self._pending = _Pending(entry, (run.place[0], position), quality, report)
        return [report_record(report)] if report else []

    def end(self, entry: Entry, state: Literal["done", "refused"] = "done") -> list[OutRecord]:
        """The run is to end with an entry, all before is committed; gives the report for the same transaction.

        A run of a feed that brought nothing gives none, unless all runs before brought something: many are asked far
        more often than they have news.
        """
        run = self._begun()
        if run.kind != "file" and not run.quality.read and not self._is_odd_emptiness(run):
            self._empty_runs += run.kind == "run"
            self._run = None
            return []
        report = self._report(run.quality, entry, state)
        self._pending = _Pending(entry, run.place, PartQuality(), report)
        return [report_record(report)]

    def committed(self, entry: Entry) -> None:
        """An entry is committed."""
        pending, self._pending = self._pending, None
        if pending is None or pending.entry is not entry:
            return
        run = self._begun()
        run.quality = run.quality.merged(pending.quality)
        run.place = pending.place
        if pending.report:
            self._former.append(pending.report)
            self._empty_runs = 0
            self._run = None
            if run.kind == "stream":
                self._begin_feed("stream", False, pending.report.ended_us)
        self._on_committed(pending.quality.by_rule, pending.report)

    def forget(self) -> None:
        """What was added and is not committed never will be."""
        self._pending = None

    def _begun(self) -> _Run:
        return self._run or self._begin_feed("stream", False, self._clock.now_us())

    def _begin_feed(self, kind: RunKind, is_partial: bool, begun_us: int) -> _Run:
        self._run = _Run(kind, moment(begun_us), begun_us, is_partial)
        return self._run

    def _is_odd_emptiness(self, run: _Run) -> bool:
        never_before = all(report.read and not report.empty_runs for report in self._former)
        return run.kind == "run" and len(self._former) >= FEWEST and never_before and not self._empty_runs

    def _report(self, quality: PartQuality, entry: Entry, state: Literal["done", "refused"] = "done") -> Report:
        run = self._begun()
        report = Report(
            source=self._source,
            number=self._former[-1].number + 1 if self._former else 1,
            kind=run.kind,
            what=run.what,
            state=state,
            is_partial=run.is_partial,
            begun_us=run.begun_us,
            ended_us=entry.changed_us,
            delivered=quality.delivered,
            rejected=quality.rejected,
            dropped=quality.dropped,
            by_rule=dict(quality.by_rule),
            by_reason=dict(quality.by_reason),
            rows=quality.table.rows,
            columns=dict(quality.table.columns),
            is_cut=quality.table.is_cut,
            times=self._times,
            total=_total(entry) if isinstance(entry, FeedEntry) else 0,
            empty_runs=self._empty_runs,
        )
        return msgspec.structs.replace(report, findings=findings_of(report, list(self._former)))


def _total(entry: FeedEntry) -> int:
    return entry.delivered + entry.rejected + entry.dropped
