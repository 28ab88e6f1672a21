"""A source of kind `push`: bodies that are sent to `POST /v1/ingest/NAME` of serve_api."""

from typing import Literal

from pydantic import Field

from ingest_sources.feeds.feed_source import FeedSource
from ingest_sources.model_part import Part
from ingest_sources.readers.models import CsvOptions


class PushOptions(Part):
    """Attributes:
    csv: how bodies of `text/csv` are written; what is not said is detected in each.
    remember_hours, remember_pushes: how long the id of a push is known, so that one which is sent again counts once.
    """

    csv: CsvOptions = CsvOptions()
    # The topic keeps a day more than the longest of these.
    remember_hours: float = Field(24, ge=1, le=144)
    remember_pushes: int = Field(50_000, ge=1, le=1_000_000)


class PushSource(FeedSource):
    """Bodies in the order in which they were accepted; a row's number is its place in the body."""

    kind: Literal["push"]
    push: PushOptions = PushOptions()
