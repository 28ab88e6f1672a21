"""How varied the last answers were: coverage of the catalog, novelty, and the share of what is popular anyway."""

import math
from collections import Counter, deque
from collections.abc import Callable, Sequence

ANSWERS = 1_000
POPULAR_SHARE = 0.01
"""An item is popular if it is among this share of the catalog with the most people; at least one is."""


class Quality:
    """Of the last `ANSWERS` answers; each costs its own items only.

    Novelty is the mean of an item's self-information -log2(p), where p is its share of all interactions, by
    T. Zhou et al., PNAS 107 (2010) 4511.

    Args:
        share_of: an item's share of all interactions, 0 to 1.
    """

    def __init__(self, share_of: Callable[[str], float], answers: int = ANSWERS) -> None:
        self._share_of = share_of
        self._answers: deque[tuple[str, ...]] = deque()
        self._keep = answers
        self._shown: Counter[str] = Counter()
        self._items = 0

    def add(self, items: Sequence[str]) -> None:
        """An answer that was given."""
        self._answers.append(tuple(items))
        self._shown.update(items)
        self._items += len(items)
        if len(self._answers) > self._keep:
            for item in (oldest := self._answers.popleft()):
                self._shown[item] -= 1
                if not self._shown[item]:
                    del self._shown[item]
            self._items -= len(oldest)

    def coverage(self, catalog: int) -> float:
        """Share of so many items that were in an answer."""
        return min(1.0, len(self._shown) / catalog) if catalog else 0.0

    def novelty(self) -> float:
        """Bits, the mean over all places of the answers; items that nobody has had are left out."""
        known = [(times, share) for item, times in self._shown.items() if (share := self._share_of(item)) > 0]
        places = sum(times for times, _ in known)
        return -sum(times * math.log2(share) for times, share in known) / places if places else 0.0

    def popular_share(self, popular: frozenset[str]) -> float:
        """Share of the places that had an item of `popular`."""
        return (
            sum(times for item, times in self._shown.items() if item in popular) / self._items if self._items else 0.0
        )
