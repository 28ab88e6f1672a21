"""How many messages the broker may push at once, which counts messages and not their bytes."""

from collections.abc import Sequence

_GROWTH = 4


class RoundSize:
    """As many as fit by what came lately.

    A connection begins with the most: what a former one was given out comes again, flagged, and must come in one round.
    In two, equal messages among it would be taken for each other and lost. The bytes end such a round if they must.

    Args:
        most: messages of a round.
        max_bytes: of a round, about.

    Attributes:
        count: messages of the next round.
    """

    def __init__(self, most: int, max_bytes: int) -> None:
        self._most = most
        self._max_bytes = max_bytes
        self._largest = 1
        self.count = most

    def note(self, sizes: Sequence[int]) -> None:
        """A round came.

        Args:
            sizes: its messages' bytes.
        """
        # One large message is soon forgotten; where they keep coming, each round says so.
        self._largest = max(1, self._largest // 2, *sizes)
        grown = self.count * _GROWTH if len(sizes) >= self.count else self.count
        self.count = max(1, min(self._most, grown, self._max_bytes // self._largest))
