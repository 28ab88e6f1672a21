"""What the files of sources say that are no files: connectors that come by themselves, or are asked now and then."""

from typing import ClassVar

from ingest_sources.schedule import Schedule
from ingest_sources.source_model import SourceModel


class FeedSource(SourceModel):
    """A source that a connector reads.

    Attributes:
        IS_FREE_FORM: rows don't share columns and types, so that one which doesn't fit costs itself alone.
        IS_REPEATABLE: it can be read from its beginning again.
        OP_COLUMN: the column that says `delete` where a row is one that went; empty where rows don't go.
        kind: which connector; each kind narrows it.
    """

    IS_FREE_FORM: ClassVar[bool] = True
    IS_REPEATABLE: ClassVar[bool] = True
    OP_COLUMN: ClassVar[str] = ""
    kind: str


class PolledSource(FeedSource):
    """One that is asked for what is new, by a schedule."""

    schedule: Schedule = Schedule(every_seconds=60)
