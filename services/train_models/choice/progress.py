"""How a training tells how far it is."""

from typing import Protocol


class Progress(Protocol):
    """Told by the process that trains, from one thread."""

    def start(self, total: int, what: str) -> None:
        """A part of `total` steps begins."""

    def advance(self, what: str, best: float | None) -> None:
        """One step of it is done.

        Args:
            what: which, in words.
            best: the best mean of the metric so far, None where there is none yet.
        """


class NoProgress:
    """Tells nobody."""

    def start(self, total: int, what: str) -> None:
        pass

    def advance(self, what: str, best: float | None) -> None:
        pass
