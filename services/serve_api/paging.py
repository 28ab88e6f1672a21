"""From a query's range, order, limit and cursor to the slice that the store reads, and back to the next cursor."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from headrace.clock import Clock
from serve_api import cursors
from serve_api.scan import Position
from serve_api.store import Slice
from serve_api.times import Instant, RangeLimits, TimeRange, resolve_range

MAX_LIMIT = 10_000

Name = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00]*$")]
DeviceName = Annotated[Name, Field(description="The device; its name may hold slashes", examples=["kitchen/fridge"])]
Metric = Annotated[Name, Field(description="Only this metric", examples=["temperature"])]
CursorText = Annotated[
    str, Field(max_length=4_096, description="`next` of the page before; all other parameters must stay the same")
]


class PageQuery(BaseModel):
    """What every list takes. A parameter that is not known is refused: misspelt, it would silently filter nothing."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Items a page at most")] = 1_000
    cursor: CursorText | None = None


class RangeQuery(PageQuery):
    """What every list over time takes."""

    start: Annotated[Instant | None, Field(alias="from", description="Beginning, part of the range")] = None
    end: Annotated[Instant | None, Field(alias="to", description="End, not part of the range; now, if left out")] = None
    order: Annotated[Literal["asc", "desc"], Field(description="By time; desc is newest first")] = "desc"


class RangePaging:
    """One request's page of a list over time.

    Args:
        selection: the other parameters that select rows; a cursor is only good with the same ones.
        shape: types of the positions of the rows.
    """

    def __init__(
        self,
        query: RangeQuery,
        site: str,
        clock: Clock,
        limits: RangeLimits,
        selection: Position,
        shape: tuple[type, ...],
    ) -> None:
        self._digest = cursors.digest(site, query.start, query.end, query.order, *selection)
        after: Position | None = None
        if query.cursor is None:
            span = resolve_range(query.start, query.end, clock.now_us(), limits)
        else:
            cursor = cursors.read(query.cursor, self._digest, shape)
            span, after = TimeRange(cursor.start, cursor.end), cursor.position
        self.wanted = Slice(site, span.start, span.end, query.order == "desc", after, query.limit)

    def next(self, reached: Position | None) -> str | None:
        """The cursor of the next page, None after the last one."""
        if reached is None:
            return None
        return cursors.write(cursors.Cursor(self._digest, self.wanted.start, self.wanted.end, reached))


class ListPaging:
    """One request's page of a list by name; see `RangePaging`."""

    def __init__(self, query: PageQuery, site: str, selection: Position, shape: tuple[type, ...]) -> None:
        self._digest = cursors.digest(site, *selection)
        self.limit = query.limit
        self.after = cursors.read(query.cursor, self._digest, shape).position if query.cursor else None

    def next(self, reached: Position | None) -> str | None:
        """The cursor of the next page, None after the last one."""
        return None if reached is None else cursors.write(cursors.Cursor(self._digest, 0, 0, reached))
