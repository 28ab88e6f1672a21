"""What a model file says of its data."""

import re
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from headrace.models.records import OUTCOMES
from train_models.data.events_spec import CUT, Events

_READS = re.compile(r"\s*(select|with)\b", re.IGNORECASE)


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _only_reads(query: str) -> str:
    text = query.strip().removesuffix(";")
    if not _READS.match(text) or ";" in text:
        raise ValueError("give one query that begins with SELECT or WITH")
    return text


Query = Annotated[str, AfterValidator(_only_reads)]
Offset = Annotated[int, Field(ge=0)]


class TopicRows(_Spec):
    """Committed records of a topic, all of one schema.

    Attributes:
        since: first append time; without a zone it is UTC. From the log's start where nothing is said.
        until: append time before which the records are; up to the committed end where nothing is said.
        from_offsets: partition → first offset, in place of `since`.
        to_offsets: partition → offset before which the records are, in place of `until`.
    """

    name: str = Field(min_length=1)
    since: datetime | None = None
    until: datetime | None = None
    from_offsets: dict[Annotated[int, Field(ge=0)], Offset] = {}
    to_offsets: dict[Annotated[int, Field(ge=0)], Offset] = {}

    @model_validator(mode="after")
    def _one_way_each(self) -> Self:
        if (self.since and self.from_offsets) or (self.until and self.to_offsets):
            raise ValueError("give a time or offsets for an end of the range, not both")
        return self


class CassandraRows(_Spec):
    """The rows of a CQL query."""

    query: Query


class SqlRows(_Spec):
    """The rows of a SQL query.

    Attributes:
        url_variable: environment variable that holds SQLAlchemy's URL, so that no password is in a model file.
    """

    url_variable: str = Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$")
    query: Query


class PredictionRows(_Spec):
    """Predictions of a model whose outcomes are known: their features, and the newest outcome as the label.

    Attributes:
        model: by whose name they are in `predictions.made`.
        since: first append time of the predictions; outcomes are read from the log's start.
    """

    model: str = Field(min_length=1)
    since: datetime | None = None


class Source(_Spec):
    """Where rows come from: one of files, topic, cassandra, sql and predictions.

    Attributes:
        files: path or glob of CSV (`.csv`, `.csv.gz`), Parquet or JSON lines (`.jsonl`, `.ndjson`); relative ones are
            below the folder that a setting names. Every cell of a CSV is a text until the inputs say what it is.
        delimiter: of CSV.
        columns: those to keep, by the names that the source has; all where none is named.
        rename: name in the source → name from here on.
        missing_values: texts that mean that there is no value.
    """

    files: str | None = None
    topic: TopicRows | None = None
    cassandra: CassandraRows | None = None
    sql: SqlRows | None = None
    predictions: PredictionRows | None = None
    delimiter: str = Field(",", min_length=1, max_length=1)
    columns: tuple[str, ...] = ()
    rename: dict[str, str] = {}
    missing_values: tuple[str, ...] = ("",)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in _SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(_SOURCES)}; given: {', '.join(given) or 'none'}")
        if len(set(self.rename.values())) < len(self.rename):
            raise ValueError("rename: two columns would have the same name")
        return self

    @property
    def kind(self) -> str:
        """Which of the sources it is."""
        return next(name for name in _SOURCES if getattr(self, name) is not None)

    @property
    def topics(self) -> tuple[str, ...]:
        """From whose growth it is seen that there are new rows; empty where the rows come from elsewhere."""
        if self.predictions is not None:
            return (OUTCOMES,)
        return (self.topic.name,) if self.topic is not None else ()


_SOURCES = ("files", "topic", "cassandra", "sql", "predictions")


class Join(_Spec):
    """A feature table: of the rows with a row's key, the newest at or before the row's time.

    Attributes:
        on: the key's column, here and there.
        time: the table's column that says from when on a row of it was known. It may be missing only where the rows
            have no time; the table then has one row a key.
        columns: those to take; all others where none is named.
    """

    source: Source = Field(alias="from")
    on: str
    time: str | None = None
    columns: tuple[str, ...] = ()


def _rows_alone(value: Any) -> Any:
    return {"rows": value} if isinstance(value, int) and not isinstance(value, bool) else value


class Sample(_Spec):
    """How many of the rows that have a label are drawn, each with the same chance; all where there are no more.

    Attributes:
        seed: another one draws others.
    """

    rows: int = Field(ge=1)
    seed: int = Field(42, ge=0)


class Data(Source):
    """Where rows come from and what their columns mean.

    Attributes:
        label: the column to predict. With `events` or `predictions` it is the name that the label gets.
        positive: the label's value whose probability is predicted; texts are compared without regard to case.
        time: of the row: the moment as of which it is predicted. With `events` it is always `cut`.
        group: rows of a group are never on both sides of a split. With `events` the entity where nothing else is said.
        sample: so many rows, or `{rows, seed}`, drawn after `events` and `join`. A training holds all its rows in
            memory, and this bounds how many they are, however many are read.
        drop_duplicates: keeps the first of the rows that are equal in all inputs and the label.
        accept: input → why it stays although the leak scan refuses it.
    """

    label: str
    positive: str | int | float | bool | None = None
    id: str | None = None
    time: str | None = None
    group: str | None = None
    drop_duplicates: bool = False
    events: Events | None = None
    join: tuple[Join, ...] = ()
    sample: Annotated[Sample, BeforeValidator(_rows_alone)] | None = None
    accept: dict[str, Annotated[str, Field(min_length=1)]] = {}

    @model_validator(mode="after")
    def _times_are_known(self) -> Self:
        if self.events is not None:
            if self.time not in (None, CUT):
                raise ValueError(f"time: rows that are made of events have the time {CUT!r}; leave `time` out")
            if self.label in (CUT, self.events.entity, *self.events.features):
                raise ValueError(f"label: {self.label!r} is a feature, the entity or {CUT!r} already")
        for number, join in enumerate(self.join):
            if self.row_time is not None and join.time is None:
                raise ValueError(
                    f"join.{number}.time is missing: the rows have a time, so the table must say when each of its rows "
                    "became known, or features from the future would come in"
                )
            if self.row_time is None and join.time is not None:
                raise ValueError(f"join.{number}.time: the rows have no time to join as of; give `data.time`")
        return self

    @property
    def row_time(self) -> str | None:
        """The column with the rows' time."""
        return CUT if self.events is not None else self.time

    @property
    def row_group(self) -> str | None:
        """The column with the rows' group: an entity at two cuts must not be on both sides of a split."""
        return self.group or (self.events.entity if self.events is not None else None)

    @property
    def row_id(self) -> str | None:
        """The column that names the rows."""
        return self.id or (self.events.entity if self.events is not None else None)

    def source(self) -> Source:
        """Where the rows come from, without what is done with them."""
        return Source.model_validate({name: getattr(self, name) for name in Source.model_fields})
