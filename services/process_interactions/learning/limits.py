"""How often the model is published and written down."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LearningLimits:
    """Times are microseconds of append time.

    Attributes:
        publish_every_us: between two versions of a site, at least.
        publish_rows: items in one version, at most.
        snapshot_entries, snapshot_bytes, snapshot_every_us: how large the journal grows, and how old, before a snapshot
            clears it. A restart learns the journal again.
        entry_bytes: the largest entry; what is larger is a dead letter.
    """

    publish_every_us: int = 1_000_000
    publish_rows: int = 2_000
    snapshot_entries: int = 20_000
    snapshot_bytes: int = 64_000_000
    snapshot_every_us: int = 600_000_000
    entry_bytes: int = 200_000
