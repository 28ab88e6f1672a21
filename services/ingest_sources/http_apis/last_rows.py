"""The last rows of a run, whatever their marks: hashes, as many of each as came."""

from collections import Counter, deque

from ingest_sources.http_apis.packed import packed, unpacked

MAX_LAST = 2_000


class LastRows:
    """Remembers `MAX_LAST` rows, and forgets the oldest of more."""

    def __init__(self, content: str = "") -> None:
        self._order = deque(unpacked(content))
        self._count = Counter(self._order)

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._count

    def add(self, digest: bytes) -> None:
        """One more row."""
        self._order.append(digest)
        self._count[digest] += 1
        if len(self._order) > MAX_LAST:
            oldest = self._order.popleft()
            self._count[oldest] -= 1
            if not self._count[oldest]:
                del self._count[oldest]

    def packed(self) -> str:
        """As a position holds it."""
        return packed(self._order)
