"""Where a training finds things: what its settings say, handed to the parts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headrace.cassandra import CassandraSettings


@dataclass(frozen=True)
class Places:
    """Folders, addresses and limits.

    Attributes:
        data: folder of the snapshots.
        files: folder below which the relative `files` of model files are.
        cassandra: where Cassandra is; None where no model reads it.
        environment: in which variables with databases' URLs are looked up.
        memory_mb: most that DuckDB takes before it writes to disk.
    """

    data: Path
    files: Path = Path()
    brokers: str = "127.0.0.1:9092"
    cassandra: CassandraSettings | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    memory_mb: int = 512
