"""What the files of sources say that are no files: connectors that come by themselves, or are asked now and then."""

from typing import ClassVar

from ingest_sources.schedule import Schedule
from ingest_sources.source_model import SourceModel


class FeedSource(SourceModel):
    """A source that a connector reads.

    Attributes:
        IS_REPEATABLE: it can be read from its beginning again.
        kind: which connector; each kind narrows it.
    """

    IS_FREE_FORM: ClassVar[bool] = True
    IS_REPEATABLE: ClassVar[bool] = True
    kind: str


class PolledSource(FeedSource):
    """One that is asked for what is new, by a schedule."""

    schedule: Schedule = Schedule(every_seconds=60)
