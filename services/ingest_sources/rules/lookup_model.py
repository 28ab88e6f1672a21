"""The rule `lookup` as it stands in YAML: which reference data, joined by what, and what is taken of them."""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from ingest_sources.model_part import Part
from ingest_sources.readers.models import ReadOptions
from ingest_sources.rules.config_checks import without_repeats
from ingest_sources.rules.rule_model import Column, RuleModel
from ingest_sources.text_template import columns_of

MAX_ROWS = 200_000
"""Unless a reference says more: it is held in memory."""


class _Bounded(Part):
    max_rows: int = Field(MAX_ROWS, ge=1, le=5_000_000)


class FileReference(_Bounded):
    """Attributes:
    file: beside the source's own file, or absolute; read again when it has changed.
    read: its format, as that of a source of files; CSV's cells are texts.
    """

    file: Annotated[str, Field(min_length=1)]
    read: ReadOptions = ReadOptions()

    @property
    def title(self) -> str:
        """What messages call it."""
        return self.file


class TopicReference(_Bounded):
    """Attributes:
    topic: of Headrace's Kafka, compacted, its values JSON objects; a record without a value deletes its key's row.
    key: the column that holds the records' keys, or a text with columns in braces, such as `{site}/{device}`.
    """

    topic: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
    key: str | None = None

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"topic {self.topic}"

    @field_validator("key")
    @classmethod
    def _can_be_split(cls, key: str | None) -> str | None:
        names = columns_of(key) if key is not None else []
        without_repeats(tuple(names))
        if key is not None and "}{" in key:
            raise ValueError(f"{key!r} has two columns with nothing between, so nobody knows where one ends")
        return key


class Database(Part):
    """Attributes:
    url: SQLAlchemy's, such as postgresql://reader@db.example/shop; the password is no part of it.
    password_secret: the secret with the password.
    table: a table or a view; it and the columns are looked up in the database's own catalogue.
    refresh_seconds: how old what was read may get.
    """

    url: str
    password_secret: str | None = None
    schema_: str | None = Field(None, alias="schema")
    table: Annotated[str, Field(min_length=1)]
    refresh_seconds: float = Field(60.0, gt=0)

    # Not of the field: what a field holds is shown beside its mistake.
    @model_validator(mode="after")
    def _has_no_password(self) -> "Database":
        if "://" not in self.url:
            raise ValueError("url is no address of a database, such as postgresql://reader@db.example/shop")
        if urlsplit(self.url).password is not None or "password=" in self.url:
            raise ValueError("a password is in the url: put it into a secret and name that under password_secret")
        return self


class TableReference(_Bounded):
    """A table of a database, which is only read."""

    database: Database

    @property
    def title(self) -> str:
        """What messages call it."""
        schema = f"{self.database.schema_}." if self.database.schema_ else ""
        return f"table {schema}{self.database.table}"


def _kind_of(reference: object) -> str | None:
    for name in ("file", "topic", "database"):
        if name in reference if isinstance(reference, dict) else hasattr(reference, name):
            return name
    return None


Reference = Annotated[
    Annotated[FileReference, Tag("file")]
    | Annotated[TopicReference, Tag("topic")]
    | Annotated[TableReference, Tag("database")],
    Discriminator(
        _kind_of,
        custom_error_type="no_reference",
        custom_error_message="name a file, a topic or a database: {file: regions.csv}",
    ),
]
AnyReference = FileReference | TopicReference | TableReference


def _as_pairs(value: object) -> object:
    if isinstance(value, str):
        return {value: value}
    return {name: name for name in value} if isinstance(value, list) else value


def _as_word(value: object) -> object:
    # YAML reads the word null as none at all.
    return "null" if value is None else value


Pairs = Annotated[dict[Column, Column], BeforeValidator(_as_pairs), Field(min_length=1)]


class Lookup(RuleModel):
    """Adds columns of reference data to rows, joined by one column or more.

    Null in a joined column of a row finds nothing and refuses nothing, as null passes all rules but `require`.
    Integers and texts are joined as texts, so that 7 finds the `7` of a CSV file.

    Attributes:
        reference: `in` in YAML.
        on: column of the rows → column of the reference; a name, or a list of names, where both are called the same.
        take: column of the reference → column of the result, which is replaced if it is there; else as `on`.
        missing: of a row that the reference doesn't have: it is refused, its taken columns are null, or they keep the
            values that they have.
    """

    rule: Literal["lookup"] = "lookup"
    reference: Reference = Field(alias="in")
    on: Pairs
    take: Pairs
    missing: Annotated[Literal["refuse", "null", "keep"], BeforeValidator(_as_word)] = "refuse"

    @model_validator(mode="before")
    @classmethod
    def _with_on(cls, content: Any) -> Any:
        # YAML reads the key `on` as a boolean, unless it is in quotes.
        if isinstance(content, dict) and True in content:
            return {"on" if name is True else name: value for name, value in content.items()}
        return content

    @model_validator(mode="after")
    def _names_differ(self) -> "Lookup":
        without_repeats(tuple(self.on.values()))
        without_repeats(tuple(self.take.values()))
        if both := [name for name in self.take.values() if name in self.on]:
            raise ValueError(f"{', '.join(both)} is both joined by and taken; give what is taken another name")
        return self

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(self.on)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The columns of the reference that it needs."""
        return tuple(dict.fromkeys([*self.on.values(), *self.take]))
