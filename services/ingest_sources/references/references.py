"""All reference data of one source."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import polars as pl

from headrace.clock import Clock
from headrace.errors import ConfigurationError
from ingest_sources.references.file_reference import ReferenceFile
from ingest_sources.references.size import wrong
from ingest_sources.references.table_reference import ReferenceTableOfDatabase
from ingest_sources.references.topic_reference import ReferenceTopic
from ingest_sources.rules.lookup_model import AnyReference, FileReference, TableReference, TopicReference


class _Adapter(Protocol):
    def table(self) -> pl.DataFrame: ...

    def close(self) -> None: ...


class SourceReferences:
    """Gives reference data to `lookup`; nothing is opened before it is asked for. One thread uses it.

    Args:
        folder: where files are whose names are not absolute.
        secret: gives a secret by name.
    """

    def __init__(self, brokers: str, folder: Path, secret: Callable[[str], str], clock: Clock) -> None:
        self._brokers = brokers
        self._folder = folder
        self._secret = secret
        self._clock = clock
        self._adapters: dict[tuple[AnyReference, tuple[str, ...]], _Adapter] = {}

    def table(self, reference: AnyReference, columns: Sequence[str]) -> pl.DataFrame:
        """As `rules.lookup_rule.References` says.

        Raises:
            ReferenceWrong: it can't be used; the message says how to mend it.
            TransientError: where it is, is away.
        """
        key = (reference, tuple(columns))
        adapter = self._adapters.get(key)
        if adapter is None:
            adapter = self._adapters[key] = self._adapter(reference, key[1])
        return adapter.table()

    def close(self) -> None:
        """Ends all connections."""
        for adapter in self._adapters.values():
            adapter.close()
        self._adapters.clear()

    def _adapter(self, reference: AnyReference, columns: tuple[str, ...]) -> _Adapter:
        match reference:
            case FileReference():
                return ReferenceFile(reference, self._folder, columns)
            case TopicReference():
                return ReferenceTopic(reference, self._brokers, columns)
            case TableReference():
                return ReferenceTableOfDatabase(reference, self._password(reference), columns, self._clock)

    def _password(self, reference: TableReference) -> str | None:
        name = reference.database.password_secret
        try:
            return self._secret(name) if name else None
        except ConfigurationError as error:
            raise wrong(f"{reference.title}: {error}") from error
