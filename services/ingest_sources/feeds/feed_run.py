"""Runs one feed: connects, delivers its parts and their positions, and connects again after a failure."""

import logging
import random
from collections.abc import Callable
from contextlib import closing

import msgspec

from headrace.clock import Clock
from headrace.errors import ConfigurationError, TransientError
from headrace.streams.batch import OutRecord
from headrace.streams.task import OnStep, no_step
from headrace.streams.transaction import Transactions
from ingest_sources.feeds.feed import Feed, FeedPart
from ingest_sources.feeds.feed_entry import FeedEntry
from ingest_sources.part_commits import PartCommits
from ingest_sources.prepare import Preparer
from ingest_sources.quality.part_quality import PartQuality
from ingest_sources.quality.run_reports import RunReports
from ingest_sources.row_origin import Origin
from ingest_sources.schedule import Schedule

OnProblem = Callable[[str | None], None]
"""Told why a source can't go on for now, or None: it goes on."""
OnNote = Callable[[FeedEntry, FeedEntry], None]
"""Told each committed entry, and the one before it."""
_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 30.0
_LOOK_S = 0.5
_HEALTHY_S = 10.0
"""A connection that has held for so long works."""
log = logging.getLogger(__name__)


class FeedRun:
    """One source's connector and position.

    Args:
        connect: makes a connection.
        transactions: started, of the source's own id.
        entry: as it is committed.
        is_stream: it has no end, so that its reports are of an hour.
        wait: waits for so many seconds, or less when the run is to end; returns whether it is.
        on_step: told each step by name; fault tests end the process there.
    """

    def __init__(
        self,
        connect: Callable[[], Feed],
        preparer: Preparer,
        transactions: Transactions,
        entry: FeedEntry,
        reports: RunReports,
        is_stream: bool,
        clock: Clock,
        wait: Callable[[float], bool],
        on_note: OnNote,
        on_problem: OnProblem,
        on_step: OnStep = no_step,
    ) -> None:
        self._connect = connect
        self._preparer = preparer
        self._entry = entry
        self._reports = reports
        self._is_stream = is_stream
        self._clock = clock
        self._wait = wait
        self._on_note = on_note
        self._on_problem = on_problem
        self._on_step = on_step
        self._commits: PartCommits[FeedEntry] = PartCommits(transactions, self._note, on_step)
        self._under_way: FeedPart | None = None
        self._is_failing = self._is_ended = False
        self._begun_us = 0
        self._chance = random.Random()  # noqa: S311 - spreads retries

    @property
    def entry(self) -> FeedEntry:
        """As it is committed."""
        return self._entry

    def run(self, schedule: Schedule | None, may_run: Callable[[int], bool] = lambda _: True) -> None:
        """Delivers what comes until the process is to end: again after each failure, and when the schedule says so.

        Args:
            schedule: None for a stream.
            may_run: asked with the time of the last run whether those that this one is `after` are done.

        Raises:
            ProducerLost: the process must end.
        """
        wait_s = _FIRST_WAIT_S
        is_again = False
        while not self._wait(0) and (schedule is None or is_again or self._until_due(schedule, may_run)):
            delivered = self._entry.changed_us
            try:
                self.run_once()
                self._note_health(None)
                wait_s, is_again = _FIRST_WAIT_S, False
            except (TransientError, ConfigurationError) as error:
                # Not at its next time, which may be tomorrow.
                is_again = True
                self._note_health(str(error))
                log.log(
                    logging.ERROR if isinstance(error, ConfigurationError) else logging.WARNING,
                    "a source is read again after a failure",
                    extra={"source": self._entry.source, "reason": str(error)},
                )
                if self._entry.changed_us != delivered:
                    wait_s = _FIRST_WAIT_S
                self._wait(wait_s * self._chance.uniform(0.5, 1.0))
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def run_once(self, silence_s: float | None = None) -> None:
        """Delivers what there is, to its end; a stream's end is that nothing came for so long, or that of the process.

        Raises:
            TransientError: an end is away; what was delivered counts, and another call goes on after it.
            ConfigurationError: only a person can mend it.
            ProducerLost: the process must end.
        """
        self._begun_us, self._is_ended = self._clock.now_us(), False
        self._reports.begin_feed(self._is_stream, self._entry)
        try:
            with closing(self._connect()) as feed:
                is_at_end = self._deliver(feed, silence_s)
            if self._is_stream:
                self._end_report()
            elif is_at_end and not self._is_ended:
                entry = self._changed(self._entry, run_us=self._begun_us)
                self._commits.commit(entry, self._reports.end(entry))
        except (TransientError, ConfigurationError):
            self._under_way = None
            self._commits.abort()
            self._preparer.forget()
            self._reports.forget()
            raise

    def forget(self) -> None:
        """Commits that the source is to be read from its beginning."""
        self._reports.begin_anew()
        self._commits.produce(self._preparer.begin_anew())
        self._commits.commit(self._changed(self._entry, cursor=None, run_us=0))

    def _deliver(self, feed: Feed, silence_s: float | None) -> bool:
        """Returns whether the feed came to its end by itself."""
        begun = last = self._clock.monotonic()
        for part in feed.parts(self._entry.cursor):
            if self._is_failing and self._is_stream and self._clock.monotonic() - begun > _HEALTHY_S:
                # A stream comes to no end that would tell.
                self._note_health(None)
            if part is not None:
                self._take(feed, part)
                last = self._clock.monotonic()
            elif self._commits.is_settled:
                self._settle(feed)
            if self._wait(0):
                self._settle(feed)
                return False
            if part is None and silence_s is not None and self._clock.monotonic() - last > silence_s:
                self._settle(feed)
                return False
        self._settle(feed)
        return True

    def _take(self, feed: Feed, part: FeedPart) -> None:
        entry = self._entry
        written: list[OutRecord] = []
        qualities: list[PartQuality] = []
        for section in part.sections:
            origin = Origin(entry.source, section.place, self._clock.now_us())
            prepared = self._preparer.prepare(section.rows, origin)
            written += prepared.written(origin)
            qualities.append(prepared.quality())
        self._settle(feed)
        sums = {
            what: getattr(self._entry, what) + sum(getattr(quality, what) for quality in qualities)
            for what in ("delivered", "rejected", "dropped")
        }
        after = self._changed(self._entry, cursor=dict(part.cursor), **sums)
        if part.is_end:
            # With the cursor that begins anew: killed in between, a whole run would come again.
            after = self._changed(after, run_us=self._begun_us)
            self._is_ended = True
        self._commits.produce([*written, *self._news_of(part, qualities, after)])
        self._under_way = part
        self._commits.begin(after)

    def _news_of(self, part: FeedPart, qualities: list[PartQuality], after: FeedEntry) -> list[OutRecord]:
        return self._reports.end(after) if part.is_end else self._reports.add(qualities, after)

    def _end_report(self) -> None:
        """Of a stream that is left: nobody knows when it is read on."""
        if report := self._reports.end(self._entry):
            self._commits.commit_alone(report)
            self._reports.committed(self._entry)

    def _settle(self, feed: Feed) -> None:
        self._commits.settle()
        part, self._under_way = self._under_way, None
        if part is not None:
            feed.committed(part)
            self._on_step("told")

    def _note_health(self, problem: str | None) -> None:
        self._is_failing = problem is not None
        self._on_problem(problem)

    def _until_due(self, schedule: Schedule, may_run: Callable[[int], bool]) -> bool:
        """Waits for the time of the next run; returns False when the process is to end before."""
        due = schedule.next_run(self._entry.run_us, self._clock.now_us())
        due += int(schedule.delay_s(self._chance) * 1_000_000)
        while (left_s := (due - self._clock.now_us()) / 1_000_000) > 0 or not may_run(self._entry.run_us):
            if self._wait(min(left_s, _LONGEST_WAIT_S) if left_s > 0 else _LOOK_S):
                return False
        return True

    def _note(self, entry: FeedEntry) -> None:
        before, self._entry = self._entry, entry
        self._reports.committed(entry)
        self._on_note(entry, before)

    def _changed(self, entry: FeedEntry, **changes: object) -> FeedEntry:
        return msgspec.structs.replace(entry, **changes, changed_us=self._clock.now_us())
