"""Which rows were taken already of those that a run asks for again: hashes by the bucket of their marks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from headrace.errors import ConfigurationError
from ingest_sources.http_apis.marks import Key
from ingest_sources.http_apis.packed import packed, unpacked

MAX_ROWS = 25_000
"""A position is one Kafka record and holds two such sets while a run is under way."""
Packed = Sequence[tuple[Key, str]]


class SeenRows:
    """How often each row was seen, by the bucket of its mark."""

    def __init__(self, content: Packed = ()) -> None:
        self._buckets = {bucket: Counter(unpacked(text)) for bucket, text in content}

    def __len__(self) -> int:
        return sum(found.total() for found in self._buckets.values())

    def count(self, bucket: Key, digest: bytes) -> int:
        """How often a row was seen."""
        return self._buckets.get(bucket, Counter())[digest]

    def add(self, bucket: Key, digest: bytes) -> None:
        """Sees a row once more."""
        self._buckets.setdefault(bucket, Counter())[digest] += 1

    def forget_below(self, lowest: Key, but: Iterable[Key] = ()) -> None:
        """Forgets the rows of lower buckets, but for those named."""
        kept = set(but)
        for bucket in [bucket for bucket in self._buckets if bucket < lowest and bucket not in kept]:  # type: ignore[operator]
            del self._buckets[bucket]

    @property
    def buckets(self) -> Sequence[Key]:
        """Those that it has rows of."""
        return list(self._buckets)

    def joined(self, other: SeenRows) -> SeenRows:
        """The rows of both; one that both have was seen as often as the one says that saw it more often."""
        both = SeenRows()
        for bucket in {*self._buckets, *other._buckets}:
            both._buckets[bucket] = self._buckets.get(bucket, Counter()) | other._buckets.get(bucket, Counter())
        return both

    def check(self) -> None:
        """Raises:
        ConfigurationError: it has more rows than a position can hold.
        """
        if len(self) > MAX_ROWS:
            raise ConfigurationError(
                f"more than {MAX_ROWS:,} rows have the highest mark or lie in the overlap: lower `overlap_seconds`, or "
                "take a finer mark for `incremental.place`"
            )

    def packed(self) -> list[tuple[Key, str]]:
        """As a position holds it."""
        return [(bucket, packed(sorted(found.elements()))) for bucket, found in self._buckets.items() if found]
