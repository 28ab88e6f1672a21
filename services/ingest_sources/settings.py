"""The settings of ingest_sources: environment variables that start with `INGEST_SOURCES_`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from headrace.cassandra import CassandraSettings

_PROJECT = Path(__file__).resolve().parents[2]


class Settings(CassandraSettings):
    """Where the sources' files, their data and their keys are."""

    model_config = SettingsConfigDict(env_prefix="INGEST_SOURCES_")

    http_port: int = Field(
        9104, ge=0, le=65535, description="Port of /healthz, /readyz and /metrics; 0 takes a free one"
    )
    sources: Path = Field(
        _PROJECT / "deploy" / "sources", description="Folder with a YAML file for each source, whose name is the file's"
    )
    data: Path = Field(Path("/var/lib/headrace/sources"), description="Where a source's folder is that is not absolute")
    keys: Path | None = Field(
        None,
        description="Folder with the keys of `pseudonymise`: a file each, lines `ID:KEY`, the last of which is used, "
        "readable by its owner alone",
    )
    secrets: Path | None = Field(
        None,
        description="Folder with the passwords and tokens that sources name: a file each, readable by its owner alone",
    )
    functions: Path | None = Field(
        None,
        description="Folder with the Python modules whose functions `custom` may call; none may be called unless set",
    )
    subject_keys: Path | None = Field(
        None,
        description="File of `headrace subjects keys`, the same for all edges; sources of interactions need it, and "
        "Cassandra with it",
    )
    look_every_s: float = Field(
        5.0, gt=0, description="Folders are looked into at least so often, as not every file system tells of changes"
    )
