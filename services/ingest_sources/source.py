"""A source as its file under `deploy/sources` says: where its rows are, what is done with them, where they go."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from headrace.errors import ConfigurationError
from ingest_sources.changes.changes_source import ChangesSource
from ingest_sources.databases.database_source import DatabaseSource
from ingest_sources.feeds.feed_source import PolledSource
from ingest_sources.files.file_source import FileSource
from ingest_sources.http_apis.http_source import HttpSource
from ingest_sources.into import IntoOwnTopic
from ingest_sources.kafka_topics.kafka_source import KafkaSource
from ingest_sources.pushed.push_source import PushSource
from ingest_sources.rabbitmq.rabbitmq_source import RabbitmqSource
from ingest_sources.source_model import SourceModel
from ingest_sources.yaml_file import load_yaml

Source = Annotated[
    FileSource | HttpSource | KafkaSource | PushSource | DatabaseSource | RabbitmqSource | ChangesSource,
    Field(discriminator="kind"),
]
"""A source of any kind."""
_ADAPTER: TypeAdapter[Source] = TypeAdapter(Source)


def load_source(path: Path) -> Source:
    """Reads a source's file, whose name is the source's.

    Raises:
        ConfigurationError: names the line and what to change.
    """
    return load_yaml(path, _ADAPTER, name=path.stem)


def load_sources(folder: Path) -> dict[str, Source]:
    """All sources of a folder, by name.

    Raises:
        ConfigurationError: the folder is missing or a file is wrong; tells all mistakes at once.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"there is no folder {folder}: make it, or set INGEST_SOURCES_SOURCES")
    found: dict[str, Source] = {}
    problems = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            found[path.stem] = load_source(path)
        except ConfigurationError as error:
            problems.append(str(error))
    problems += [*_shared_folders(found), *_shared_topics(found), *_unknown_befores(found)]
    if problems:
        raise ConfigurationError("\n".join(problems))
    return found


def _shared_folders(sources: Mapping[str, Source]) -> list[str]:
    """Two sources can't both have a folder, whose files one of them would take from the other."""
    owners: dict[Path, str] = {}
    problems = []
    for name, source in sources.items():
        if isinstance(source, FileSource):
            owner = owners.setdefault(source.folder, name)
            if owner != name:
                problems.append(f"{name}.yaml: folder {source.folder} is that of {owner}: give each source its own")
    return problems


def _shared_topics(sources: Mapping[str, Source]) -> list[str]:
    """A topic of a source's own has one schema, which one source writes."""
    owners: dict[str, str] = {}
    problems = []
    for name, source in sources.items():
        if isinstance(source.into, IntoOwnTopic):
            owner = owners.setdefault(source.into.topic, name)
            if owner != name:
                problems.append(f"{name}.yaml: {source.into.topic} is written by {owner}: give each source its own")
    return problems


def _unknown_befores(sources: Mapping[str, Source]) -> list[str]:
    """A source can only run after one that runs by a schedule itself, and not after itself."""
    feeds: list[SourceModel] = list(sources.values())
    polled = {feed.name: feed for feed in feeds if isinstance(feed, PolledSource)}
    problems = []
    for name, source in polled.items():
        for before in source.schedule.after:
            if before not in polled:
                problems.append(f"{name}.yaml: schedule.after: {before} is no source that runs by a schedule")
            elif name in _all_before(before, polled):
                problems.append(
                    f"{name}.yaml: schedule.after: {before} runs after {name} itself: neither would ever run"
                )
    return problems


def _all_before(name: str, polled: Mapping[str, PolledSource]) -> set[str]:
    found: set[str] = set()
    new = {name}
    while new:
        found |= new
        new = {before for each in new if each in polled for before in polled[each].schedule.after} - found
    return found
