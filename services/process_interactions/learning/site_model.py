"""The model of one site: its learner, and how far it is published."""

from typing import NamedTuple

import msgspec

from headrace.interactions.records import ItemModel, RecommenderModel
from process_interactions.learning.site_learner import SiteLearner

NEVER = 1 << 62
WENT_BACK_US = 3_600_000_000
"""Two topics are read at their own pace; a time further before the last publication is of a clock that was ahead."""
_SECOND = 1_000_000


class SiteMeta(msgspec.Struct, array_like=True):
    """How far a site is published.

    Attributes:
        version: of the last publication; `published` is its time.
        unpublished: append time of the oldest record that is in no publication, 0 for none.
    """

    site: str
    version: int = 0
    published: int = 0
    unpublished: int = 0


class Published(NamedTuple):
    """A version with the rows that are published with it."""

    model: RecommenderModel
    items: list[ItemModel]


class SiteModel:
    """A learner with its publications; times are microseconds.

    A version's number is the seconds of its time, or one more than the last where that is greater: it doesn't go back
    where a model is learned anew, by a replay or after its changelog was deleted.
    """

    def __init__(self, number: int, meta: SiteMeta, learner: SiteLearner) -> None:
        self.number = number
        self.meta = meta
        self.learner = learner

    def note(self, appended: int) -> None:
        """Takes note of a record that was learned."""
        self.meta.unpublished = self.meta.unpublished or appended

    def due_at(self, every_us: int) -> int:
        """When it is to be published; in the past if nothing held it up, `NEVER` while nothing changed."""
        return self.meta.published + every_us if self.meta.unpublished else NEVER

    def is_due(self, now: int, every_us: int) -> bool:
        """Whether it is to be published now: also where a clock was ahead at the last publication and went back."""
        return now >= self.due_at(every_us) or (self.meta.unpublished > 0 and now < self.meta.published - WENT_BACK_US)

    def publish(self, now: int, rows: int) -> Published:
        """The next version, with at most `rows` rows."""
        version = self._next_version(now)
        published = Published(*self.learner.publish(version, now, rows))
        self._pass(version, now)
        return published

    def pass_over(self, now: int, rows: int) -> None:
        """Leaves what `publish` leaves, without its work."""
        version = self._next_version(now)
        self.learner.pass_over(version, rows)
        self._pass(version, now)

    def change_all(self, now: int) -> None:
        """Lets all rows be published again."""
        self.learner.change_all()
        self.note(now)

    def _next_version(self, now: int) -> int:
        return max(self.meta.version + 1, now // _SECOND)

    def _pass(self, version: int, now: int) -> None:
        self.meta.version, self.meta.published = version, now
        self.meta.unpublished = now if self.learner.waiting else 0
