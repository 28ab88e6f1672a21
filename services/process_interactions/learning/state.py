"""What the task of the model remembers: a learner for each site, as of a snapshot, and a journal of what came since.

A model is too large to be written at each checkpoint, as each record changes rows all over it. So a checkpoint writes
what the learners were given; a snapshot, at counts and times that depend on the input alone, writes the cells that
changed since the one before and clears the journal. A restore reads the snapshot and learns the journal again.
"""

import time
from collections.abc import Iterator
from struct import Struct

import msgspec

from headrace.streams.batch import Cell, Cells
from process_interactions.learning.counts import LearningCounts
from process_interactions.learning.entries import (
    Entry,
    ExposureEntry,
    LessonEntry,
    PublicationEntry,
    RepublishEntry,
    decode_entries,
    encode_entry,
)
from process_interactions.learning.journal import Journal
from process_interactions.learning.large_cells import LargeCells
from process_interactions.learning.limits import LearningLimits
from process_interactions.learning.site_learner import NewLearner
from process_interactions.learning.site_model import NEVER, WENT_BACK_US, Published, SiteMeta, SiteModel

_META, _JOURNAL, _SITE, _PART = b"meta", b"j", b"s", b"p"
_NUMBER = Struct(">I")


class _Meta(msgspec.Struct, array_like=True):
    """What of a snapshot is in no learner's cells; sites are in the order of their numbers."""

    snapshot_at: int = 0
    republished: str = ""
    sites: tuple[SiteMeta, ...] = ()


class LearningState:
    """Implements `TaskState`. One object is used by one task, in the order of what it is given."""

    def __init__(self, new_learner: NewLearner, limits: LearningLimits, counts: LearningCounts) -> None:
        self._new_learner = new_learner
        self._limits = limits
        self._counts = counts
        self._sites: dict[str, SiteModel] = {}
        self._journal = Journal(_JOURNAL)
        self._cells = LargeCells(_SITE, _PART)
        self._unwritten: dict[bytes, bytes | None] = {}
        self._snapshot_at = 0
        self._latest = 0
        self._next_due = NEVER
        self._due_before = -NEVER
        self._republished = ""

    def __len__(self) -> int:
        """Items that are known, over all sites."""
        # A scrape asks from another thread, while a site may come.
        return sum(len(site.learner) for site in list(self._sites.values()))

    def take(self, entry: Entry, content: bytes, now: int) -> None:
        """Learns an entry; `content` is its encoding, for the journal.

        Args:
            now: append time, microseconds.
        """
        if now >= self._snapshot_at + self._limits.snapshot_every_us and self._journal.entries:
            self._snapshot(now)
        self._journal.append(content)
        self._apply(entry)
        if self._journal.entries >= self._limits.snapshot_entries or self._journal.size >= self._limits.snapshot_bytes:
            self._snapshot(now)

    def is_due(self, now: int) -> bool:
        """Whether a site is to be published."""
        return now >= self._next_due or now < self._due_before

    def idle_time(self, now: int) -> int:
        """The wall clock's time where no record comes; one that is behind the log can't tell how long none came."""
        return now if now >= self._latest else self._latest + self._limits.publish_every_us

    def publish(self, now: int) -> list[Published]:
        """The next version of each site that is due, in the order of their names.

        Its time is hardly after the newest record's: a wall clock that is ahead would hold up what comes next.
        """
        every, rows = self._limits.publish_every_us, self._limits.publish_rows
        due = sorted(name for name, site in self._sites.items() if site.is_due(now, every))
        time = min(now, self._latest + every)
        for name in due:
            self._journal.append(encode_entry(PublicationEntry(name, time, rows)))
        versions = [self._sites[name].publish(time, rows) for name in due]
        self._find_next_due()
        return versions

    def republish(self, name: str, now: int) -> None:
        """Lets everything be published again, once for each name."""
        if name and name != self._republished:
            entry = RepublishEntry(name, now)
            self._journal.append(encode_entry(entry))
            self._apply(entry)

    def take_changes(self) -> Iterator[Cell]:
        """The journal's changed cells, and a snapshot's if there was one."""
        unwritten, self._unwritten = self._unwritten, {}
        yield from self._journal.take_changes()
        yield from unwritten.items()

    def restore(self, cells: Cells) -> None:
        """Takes the snapshot, and learns what came since.

        Raises:
            ValueError: a cell is damaged, or not of this schema.
        """
        begin, counts = time.perf_counter(), self._counts
        entries = list(self._journal.restore(cells))
        self._restore_snapshot(cells)
        for entry in decode_entries(entries):
            self._apply(entry)
        self._find_next_due()
        counts.relearned += len(entries)
        counts.restore_seconds += time.perf_counter() - begin
        self.note()

    def note(self) -> None:
        """Tells the counts how it stands."""
        counts, sites = self._counts, self._sites.values()
        counts.journal_entries, counts.journal_bytes = self._journal.entries, self._journal.size
        counts.waiting_rows = sum(site.learner.waiting for site in sites)
        counts.unpublished_us = min((site.meta.unpublished for site in sites if site.meta.unpublished), default=0)

    def _apply(self, entry: Entry) -> None:
        if isinstance(entry, LessonEntry):
            site = self._site(entry.site)
            site.learner.learn(entry.lesson)
            self._note(site, entry.appended)
        elif isinstance(entry, ExposureEntry):
            site = self._site(entry.site)
            site.learner.learn_exposure(entry.exposure)
            self._note(site, entry.appended)
        elif isinstance(entry, PublicationEntry):
            self._sites[entry.site].pass_over(entry.now, entry.rows)
        else:
            self._republished = entry.name
            for site in self._sites.values():
                site.change_all(entry.now)
            self._find_next_due()

    def _note(self, site: SiteModel, appended: int) -> None:
        # Before the first snapshot, the journal's age counts from its first record.
        self._snapshot_at = self._snapshot_at or appended
        self._latest = appended
        if not site.meta.unpublished:
            site.note(appended)
            self._next_due = min(self._next_due, site.due_at(self._limits.publish_every_us))
            self._due_before = max(self._due_before, site.meta.published - WENT_BACK_US)

    def _site(self, name: str) -> SiteModel:
        site = self._sites.get(name)
        if site is None:
            site = SiteModel(len(self._sites), SiteMeta(name), self._new_learner(name))
            self._sites[name] = site
        return site

    def _find_next_due(self) -> None:
        every, waiting = self._limits.publish_every_us, [each for each in self._sites.values() if each.meta.unpublished]
        self._next_due = min((site.due_at(every) for site in waiting), default=NEVER)
        self._due_before = max((site.meta.published - WENT_BACK_US for site in waiting), default=-NEVER)

    def _snapshot(self, now: int) -> None:
        begin, unwritten = time.perf_counter(), self._unwritten
        for key, content in self._cells.cut(self._changes()):
            unwritten[key] = content
            self._counts.snapshot_cells += 1
            self._counts.snapshot_bytes += len(content or b"")
        meta = _Meta(now, self._republished, tuple(site.meta for site in self._sites.values()))
        unwritten[_META] = msgspec.msgpack.encode(meta)
        self._journal.clear()
        self._snapshot_at = now
        self._counts.snapshots += 1
        self._counts.snapshot_seconds += time.perf_counter() - begin

    def _changes(self) -> Iterator[Cell]:
        for site in self._sites.values():
            prefix = _NUMBER.pack(site.number)
            for key, content in site.learner.take_changes():
                yield prefix + key, content

    def _restore_snapshot(self, cells: Cells) -> None:
        content = cells.pop(_META, None)
        meta = _Meta() if content is None else _decode_meta(content)
        learned: list[dict[bytes, bytes]] = [{} for _ in meta.sites]
        for key, content in self._cells.join(cells):
            number = _NUMBER.unpack_from(key)[0] if len(key) >= _NUMBER.size else len(learned)
            if number >= len(learned):
                raise ValueError(f"cell {key!r} is of no site that the snapshot names")
            learned[number][key[_NUMBER.size :]] = content
        if cells:
            raise ValueError(f"cell {next(iter(cells))!r} is none of the model's")
        self._snapshot_at, self._republished = meta.snapshot_at, meta.republished
        self._latest = meta.snapshot_at
        for site, own in zip(meta.sites, learned, strict=True):
            model = SiteModel(len(self._sites), site, self._new_learner(site.site))
            model.learner.restore(own)
            self._sites[site.site] = model


def _decode_meta(content: bytes) -> _Meta:
    try:
        return msgspec.msgpack.decode(content, type=_Meta)
    except msgspec.MsgspecError as error:
        raise ValueError(f"the snapshot's head can't be read: {error}") from error
