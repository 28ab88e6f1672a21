"""A source as its file under `deploy/sources` says: where its rows are, what is done with them, where they go."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag, field_validator

from headrace.errors import ConfigurationError
from ingest_sources.readers.models import Limits, ReadOptions
from ingest_sources.rules.models import Rule
from ingest_sources.text_template import columns_of
from ingest_sources.yaml_file import load_yaml

SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
READINGS = "readings.raw"
LEDGER = "sources.ledger"
_OWN_TOPIC = re.compile(r"sources\.[a-z][a-z0-9_]{0,39}")
Template = str
"""A text with columns in braces."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class IntoReadings(_Part):
    """Rows that are readings: one message a row.

    Attributes:
        site, device: texts with columns in braces; a row without a device is refused.
        device_type: the type of devices that are not registered yet.
        time: column of the event time, microseconds UTC as the rule `time` makes it.
        metrics: columns that are readings; all others but those named above, where it is empty.
    """

    topic: Literal["readings.raw"]
    site: Template = "default"
    device: Template
    device_type: str | None = None
    time: str = "time"
    metrics: tuple[str, ...] = ()

    @field_validator("site", "device")
    @classmethod
    def _has_pairs(cls, template: str) -> str:
        columns_of(template)
        return template


class IntoOwnTopic(_Part):
    """Rows as they are, in a topic of the source's own, which is made when it is missing.

    Attributes:
        key: a text with columns in braces; a row without it is refused. Rows of one key keep their order.
    """

    topic: str
    key: Template
    partitions: int = Field(4, ge=1, le=256)
    retention_days: float | None = Field(7, gt=0)

    @field_validator("topic")
    @classmethod
    def _is_its_own(cls, topic: str) -> str:
        if not _OWN_TOPIC.fullmatch(topic):
            raise ValueError(f"is {READINGS}, or sources.NAME with a name of lower-case letters, digits and _")
        if topic == LEDGER:
            raise ValueError(f"{LEDGER} is Headrace's own: take another name after `sources.`")
        return topic

    @field_validator("key")
    @classmethod
    def _has_a_column(cls, template: str) -> str:
        if not columns_of(template):
            raise ValueError(f"{template!r} names no column, so all rows would have one key: write {{column}}")
        return template


def _kind_of(into: object) -> str:
    topic = into.get("topic") if isinstance(into, dict) else getattr(into, "topic", None)
    return "readings" if topic == READINGS else "own"


Into = Annotated[
    Annotated[IntoReadings, Tag("readings")] | Annotated[IntoOwnTopic, Tag("own")], Discriminator(_kind_of)
]


class FileSource(_Part):
    """Files that are dropped into a folder.

    Attributes:
        folder: absolute, or relative to the setting DATA. What is done is moved into its `archive`, what can't be read
            into its `quarantine`.
        pattern: which names are taken.
        stable_seconds: how long a file must not have changed.
        personal: columns, as the file names them, whose values no dead letter may show; those that a rule pseudonymises
            are known.
    """

    name: SourceName
    kind: Literal["files"]
    about: str = ""
    folder: Path
    pattern: str = Field("*", min_length=1)
    stable_seconds: float = Field(5.0, ge=0)
    read: ReadOptions = ReadOptions()
    limits: Limits = Limits()
    personal: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    into: Into

    @field_validator("pattern")
    @classmethod
    def _is_a_name(cls, pattern: str) -> str:
        if "/" in pattern:
            raise ValueError("a pattern is of names in the folder and has no `/`: make a source for each folder")
        return pattern


def load_source(path: Path) -> FileSource:
    """Reads a source's file, whose name is the source's.

    Raises:
        ConfigurationError: names the line and what to change.
    """
    return load_yaml(path, FileSource, name=path.stem)


def load_sources(folder: Path) -> dict[str, FileSource]:
    """All sources of a folder, by name.

    Raises:
        ConfigurationError: the folder is missing or a file is wrong; tells all mistakes at once.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"there is no folder {folder}: make it, or set INGEST_SOURCES_SOURCES")
    found, problems = {}, []
    for path in sorted(folder.glob("*.yaml")):
        try:
            found[path.stem] = load_source(path)
        except ConfigurationError as error:
            problems.append(str(error))
    problems += _shared(found)
    if problems:
        raise ConfigurationError("\n".join(problems))
    return found


def _shared(sources: Mapping[str, FileSource]) -> list[str]:
    """What two sources can't both have: a folder, whose files one of them would take from the other."""
    owners: dict[Path, str] = {}
    problems = []
    for name, source in sources.items():
        owner = owners.setdefault(source.folder, name)
        if owner != name:
            problems.append(f"{name}.yaml: folder {source.folder} is that of {owner}: give each source its own")
    return problems
