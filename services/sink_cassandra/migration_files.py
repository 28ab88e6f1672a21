"""Migrations as files `NNN_name.cql`: statements that end with `;` at a line's end, with `${name}` for settings."""

import hashlib
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headrace.errors import ConfigurationError
from sink_cassandra.settings import Settings

FOLDER = Path(__file__).with_name("migrations")
SECONDS_PER_DAY = 86_400
WINDOWS_PER_TTL = 30
"""Files per table that TWCS aims at: an expired one is deleted whole, and a query looks into few."""
_NAME = re.compile(r"(\d{3})_([a-z0-9_]+)\.cql")


@dataclass(frozen=True)
class Migration:
    """One file. The checksum is that of the file before its settings are filled in."""

    number: int
    name: str
    checksum: str
    text: str

    def statements(self, values: Mapping[str, str]) -> list[str]:
        """The statements, with the settings filled in.

        Raises:
            ConfigurationError: the file names a setting that there is not.
        """
        lines = [line for line in self.text.splitlines() if not line.lstrip().startswith("--")]
        try:
            filled = string.Template("\n".join(lines)).substitute(values)
        except (KeyError, ValueError) as error:
            raise ConfigurationError(f"migration {self.name}: no setting {error}") from error
        return [statement.strip() for statement in re.split(r";\s*(?:\n|$)", filled) if statement.strip()]


def load_migrations(folder: Path = FOLDER) -> list[Migration]:
    """The migrations of a folder in order.

    Raises:
        ConfigurationError: a file's name is not `NNN_name.cql`, or two have the same number.
    """
    found: dict[int, Migration] = {}
    for path in sorted(folder.glob("*.cql")):
        match = _NAME.fullmatch(path.name)
        if match is None or int(match[1]) in found:
            raise ConfigurationError(f"migration {path.name}: name it NNN_name.cql with a number of its own")
        text = path.read_text()
        found[int(match[1])] = Migration(int(match[1]), path.stem, hashlib.sha256(text.encode()).hexdigest(), text)
    return [found[number] for number in sorted(found)]


def template_values(settings: Settings) -> dict[str, str]:
    """What the files may ask for."""
    values = {"keyspace": settings.keyspace}
    for what in ("readings", "windows", "anomalies"):
        days: int = getattr(settings, f"{what}_ttl_days")
        values[f"{what}_ttl_seconds"] = str(days * SECONDS_PER_DAY)
        values[f"{what}_compaction"] = time_window_compaction(days)
    values["subjects_ttl_seconds"] = str(settings.subjects_ttl_days * SECONDS_PER_DAY)
    values["subjects_compaction"] = "{'class': 'UnifiedCompactionStrategy'}"
    return values


def time_window_compaction(ttl_days: int) -> str:
    """TWCS with windows of a thirtieth of the time to live, in whole hours."""
    hours = max(1, round(ttl_days * 24 / WINDOWS_PER_TTL))
    return (
        "{'class': 'TimeWindowCompactionStrategy', 'compaction_window_unit': 'HOURS', "
        f"'compaction_window_size': '{hours}'}}"
    )


def replication_map(replication: tuple[str, ...]) -> str:
    """`dc1:3`, `dc2:3` as CQL.

    Raises:
        ConfigurationError: an entry is not a name and a number.
    """
    copies = {}
    for entry in replication:
        data_centre, colon, count = entry.rpartition(":")
        if not (colon and re.fullmatch(r"[\w.-]+", data_centre) and count.isdigit() and int(count) > 0):
            raise ConfigurationError(f"SINK_CASSANDRA_REPLICATION: {entry!r} is not like dc1:3")
        copies[data_centre] = count
    entries = ", ".join(f"'{name}': '{count}'" for name, count in copies.items())
    return f"{{'class': 'NetworkTopologyStrategy', {entries}}}"
