"""What the stage asks of the learner of a site; `headrace.recommend.learner.Learner` is it."""

from collections.abc import Iterable
from typing import Protocol

from headrace.interactions.records import Exposure, ItemModel, Lesson, RecommenderModel
from headrace.streams.batch import Cell, Cells


class SiteLearner(Protocol):
    """A model of one site: all that it is follows from what it was given, in order, to the bit.

    Which rows wait to be published is part of it, and of its cells.
    """

    def learn(self, lesson: Lesson) -> None:
        """Takes what somebody did, or takes it back; it asks for no subject."""
        ...

    def learn_exposure(self, exposure: Exposure) -> None:
        """Takes what came of an item that was shown; it asks for neither subject nor arms."""
        ...

    def __len__(self) -> int:
        """Items that it knows."""
        ...

    @property
    def waiting(self) -> int:
        """Rows of items that changed and are in no publication."""
        ...

    def publish(self, version: int, now: int, most: int) -> tuple[RecommenderModel, list[ItemModel]]:
        """A version with the rows that changed most; the others wait."""
        ...

    def pass_over(self, version: int, most: int) -> None:
        """Leaves the state that `publish` leaves, without its work."""
        ...

    def change_all(self) -> None:
        """Lets all rows wait to be published."""
        ...

    def take_changes(self) -> Iterable[Cell]:
        """The cells that changed since the last call."""
        ...

    def restore(self, cells: Cells) -> None:
        """Takes all cells into a new learner.

        Raises:
            ValueError: they are not of this schema.
        """
        ...


class NewLearner(Protocol):
    """Makes the learner of a site of which nothing is known."""

    def __call__(self, site: str, /) -> SiteLearner: ...
