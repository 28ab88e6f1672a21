"""What the rules of learning did, as plain numbers that `metrics.py` exports."""

from collections import Counter
from dataclasses import dataclass, field

from headrace.interactions.records import Arm
from process_interactions.learning.site_model import Published


@dataclass(slots=True)
class SiteFigures:
    """A site's model as it was last published.

    Attributes:
        version: its number.
        learned: lessons and exposures in it, since the model began.
        cost: reward a place that exploration cost; `explored` is how many places it took.
    """

    version: int = 0
    learned: int = 0
    cost: float = 0.0
    explored: int = 0
    arms: tuple[Arm, ...] = ()


@dataclass(slots=True)
class LearningCounts:
    """Totals since the start of the process, and how the one task of it stands.

    Attributes:
        lessons, forgotten, exposures: learned for the first time, by what they were.
        relearned: entries of the journal that a restore learned again, in `restore_seconds` with reading the snapshot.
        publications, published_rows: versions, and rows of items in them.
        waiting_rows: that changed and are not in any publication yet.
        learned_us, unpublished_us: append time of the newest record that was learned, and of the oldest that is in no
            publication; the latter is 0 where all is published.
        journal_entries, journal_bytes: since the last snapshot.
        snapshots: taken, with what they took and wrote.
        dead_letters: by reason.
    """

    lessons: int = 0
    forgotten: int = 0
    exposures: int = 0
    relearned: int = 0
    restore_seconds: float = 0.0
    publications: int = 0
    published_rows: int = 0
    waiting_rows: int = 0
    learned_us: int = 0
    unpublished_us: int = 0
    journal_entries: int = 0
    journal_bytes: int = 0
    snapshots: int = 0
    snapshot_seconds: float = 0.0
    snapshot_cells: int = 0
    snapshot_bytes: int = 0
    dead_letters: Counter[str] = field(default_factory=Counter)
    sites: dict[str, SiteFigures] = field(default_factory=dict)

    @property
    def lag_s(self) -> float:
        """Seconds of append time from the oldest record that is in no publication to the newest that was learned."""
        # Rows that didn't fit a version of an idle time wait since then, which is after the newest record.
        return max(self.learned_us - self.unpublished_us, 0) / 1e6 if self.unpublished_us else 0.0

    def note_published(self, published: Published) -> None:
        """Takes a version that was made."""
        model = published.model
        self.publications += 1
        self.published_rows += len(published.items)
        self.sites[model.site] = SiteFigures(model.version, model.learned, model.cost, model.explored, model.arms)
