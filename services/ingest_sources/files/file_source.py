"""A source of kind `files`: files that are dropped into a folder."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from ingest_sources.model_part import Part
from ingest_sources.readers.models import Limits, ReadOptions
from ingest_sources.source_model import SourceModel


class FetchOptions(Part):
    """Objects of a store that are copied into the folder, and stay where they are.

    Attributes:
        url: of a bucket or of a folder in it, such as `s3://exports/daily/`.
        options: of fsspec's driver for the scheme; a value `secret:NAME` is the secret NAME.
    """

    url: Annotated[str, StringConstraints(pattern=r"^(s3|gs|gcs|abfs|az|sftp)://[^/].*$")]
    every_seconds: float = Field(60, ge=0.1)
    options: dict[str, Any] = Field(default_factory=dict)

    @field_validator("url")
    @classmethod
    def _has_no_password(cls, url: str) -> str:
        user, at, _ = url.partition("://")[2].partition("/")[0].rpartition("@")
        if at and ":" in user:
            raise ValueError('has a password: write it under options as "secret:NAME"')
        return url


class FileSource(SourceModel):
    """Attributes:
    folder: absolute, or relative to the setting DATA. What is done is moved into its `archive`, what can't be read
        into its `quarantine`.
    pattern: which names are taken.
    stable_seconds: how long a file must not have changed.
    fetch: an object store whose objects are copied into the folder.
    """

    kind: Literal["files"]
    folder: Path
    pattern: str = Field("*", min_length=1)
    stable_seconds: float = Field(5.0, ge=0)
    fetch: FetchOptions | None = None
    read: ReadOptions = ReadOptions()
    limits: Limits = Limits()

    @field_validator("pattern")
    @classmethod
    def _is_a_name(cls, pattern: str) -> str:
        if "/" in pattern:
            raise ValueError("a pattern is of names in the folder and has no `/`: make a source for each folder")
        return pattern
