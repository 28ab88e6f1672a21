"""A source of kind `changes`: what happens to the rows of a PostgreSQL table."""

from typing import Annotated, ClassVar, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import Field, StringConstraints, field_validator

from ingest_sources.changes.change_rows import OP
from ingest_sources.feeds.feed_source import FeedSource
from ingest_sources.model_part import Part

_EXAMPLE = "postgresql://replicator@db.example:5432/shop is one"
_PARAMETERS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding", "gssencmode")
_Name = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=r"^[^\x00]+$")]


class ChangesOptions(Part):
    """Attributes:
    url: of the database on the primary server, without a password; the user may replicate and read the table.
    password_secret: the secret with the password.
    table: `schema.table`.
    slot: made by Headrace, and dropped and made anew when a snapshot begins. `headrace_` and the source's name, where
        it is not said.
    publication: made by Headrace where there is none and the user owns the table; named as the slot.
    snapshot: the rows that are there come first. Otherwise it begins with the changes after the slot was made.
    unchanged: what becomes of an update without a large value that it did not change, which PostgreSQL does not send
        unless the table has REPLICA IDENTITY FULL: `refuse` makes it a dead letter, `mark` gives the row without the
        value and the column's name in `__unchanged`.
    batch_rows: of a part at most; a part has 16 MiB at most besides one row.
    """

    url: str
    password_secret: str | None = None
    table: Annotated[str, StringConstraints(pattern=r"^[^.\x00]{1,63}\.[^.\x00]{1,63}$")]
    slot: Annotated[str, StringConstraints(pattern=r"^headrace_[a-z0-9_]{1,54}$")] | None = None
    publication: _Name | None = None
    snapshot: bool = True
    unchanged: Literal["refuse", "mark"] = "refuse"
    batch_rows: int = Field(5_000, ge=1, le=100_000)

    @field_validator("url")
    @classmethod
    def _is_url(cls, url: str) -> str:
        parameters_of(url)
        return url


class ChangesSource(FeedSource):
    """Rows of one table: the columns as they are, what happened, and when it was committed."""

    IS_FREE_FORM: ClassVar[bool] = False
    OP_COLUMN: ClassVar[str] = OP
    kind: Literal["changes"]
    changes: ChangesOptions


def parameters_of(url: str) -> dict[str, str]:
    """A URL as parameters of libpq.

    Raises:
        ValueError: it is none that can be used; the message doesn't repeat it, as it may have a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"is no URL; {_EXAMPLE}") from None
    if parts.password is not None:
        raise ValueError("has a password: put it into a file and name it under `password_secret`")
    database = unquote(parts.path.removeprefix("/"))
    if parts.scheme not in ("postgresql", "postgres") or not (parts.hostname and parts.username and database):
        raise ValueError(f"needs a user, a host and a database; {_EXAMPLE}")
    own = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := [name for name in own if name not in _PARAMETERS]:
        raise ValueError(f"{', '.join(unknown)} is not for a source to set; these are: {', '.join(_PARAMETERS)}")
    user = unquote(parts.username)
    return {"host": parts.hostname, "port": str(port or 5432), "user": user, "dbname": database, **own}
