"""A source of kind `database`: rows of a table or a view."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from ingest_sources.databases.address import address_of
from ingest_sources.feeds.feed_source import PolledSource
from ingest_sources.model_part import Part
from ingest_sources.rules.config_checks import usable_zone

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class DatabaseOptions(Part):
    """Attributes:
    url: as SQLAlchemy has it, without a password; `postgresql://` means psycopg2.
    password_secret: the secret with the password.
    table: a table or a view; it and `columns` are looked up in the database's own catalogue.
    columns: all, where none is named.
    key: columns, never NULL, that no two rows share; the primary key, where it is not said.
    revision: raised by one where a change of the columns' types is meant, so that the source goes on.
    batch_rows: at most so many rows in a part; fewer where rows are large.
    statement_timeout_s: of each statement and of each batch.
    """

    url: str
    password_secret: str | None = None
    schema_: Identifier | None = Field(None, alias="schema")
    table: Identifier
    columns: tuple[Identifier, ...] = ()
    key: tuple[Identifier, ...] = ()
    revision: int = Field(0, ge=0)
    batch_rows: int = Field(20_000, ge=1, le=100_000)
    statement_timeout_s: float = Field(60, ge=1, le=3_600)

    @field_validator("columns", "key")
    @classmethod
    def _are_different(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"names {', '.join(sorted(twice))} twice")
        return names

    @model_validator(mode="after")
    def _has_no_secret(self) -> Self:
        # A check of the field itself would be told with the field's value.
        try:
            url = make_url(self.url)
        except (ArgumentError, ValueError):
            raise ValueError("url is no URL; postgresql+psycopg2://reader@db.example:5432/shop is one") from None
        if url.password is not None or any("password" in name.lower() for name in url.query):
            raise ValueError("url holds a password: put it into a secret file and name that as `password_secret`")
        return self

    @property
    def address(self) -> URL:
        """The URL with the driver that is meant."""
        return address_of(self.url)

    @property
    def place(self) -> str:
        """The table as people name it."""
        return f"{self.schema_}.{self.table}" if self.schema_ else self.table


class Incremental(Part):
    """Attributes:
    column: the mark: rises with each row that is written or changed, such as a time of change or a sequence's number.
    tie_breaker: columns that make the mark unique and its rows ordered; the key, where it is not said.
    settle_seconds: so far behind the database's clock a time stays unread, since who writes a row takes its time before
        the row can be seen. Where marks are no times, or the database is no PostgreSQL that can be written to, a run
        waits so long after it looked for the greatest mark.
    zone: of marks that are times without a zone, or dates.
    wait_seconds: so long a run waits for transactions that write while it begins; what they may have marked is left to
        the next run if they go on for longer.
    null_marks: rows without a mark can't be found when they are new: their being there is an error, or accepted.
    """

    column: Identifier
    tie_breaker: tuple[Identifier, ...] | None = None
    settle_seconds: float = Field(5, ge=0, le=86_400)
    zone: Annotated[str, AfterValidator(usable_zone)] = "UTC"
    wait_seconds: float = Field(10, ge=0, le=3_600)
    null_marks: Literal["refuse", "skip"] = "refuse"


class DatabaseSource(PolledSource):
    """Rows in the order of the mark, or of the key; a row's number counts all rows that the source ever read."""

    IS_FREE_FORM: ClassVar[bool] = False

    kind: Literal["database"]
    database: DatabaseOptions
    incremental: Incremental | None = None
