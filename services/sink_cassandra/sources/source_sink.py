"""The sink of the sources' own topics."""

from collections.abc import Sequence

from headrace.errors import Reason, TerminalError
from headrace.records import RowSchema
from headrace.refusal import Refusal
from headrace.sink import Sink
from headrace.streams.batch import Batch
from sink_cassandra.sources.row_schemas import RowSchemas
from sink_cassandra.sources.source_store import SourceStore
from sink_cassandra.sources.source_write import SourceWrite, is_deletion, version_of, write_of


class SourceSink(Sink):
    """Upserts and deletions of whole rows with write times taken from the records, so writing twice is writing once."""

    def __init__(self, store: SourceStore, schemas: RowSchemas) -> None:
        self._store = store
        self._schemas = schemas

    def setup(self) -> None:
        self._store.connect()

    def write(self, batches: Sequence[Batch]) -> Sequence[Refusal]:
        self._schemas.begin()
        writes: list[SourceWrite] = []
        refusals: list[Refusal] = []
        for batch in batches:
            for index in range(len(batch)):
                try:
                    writes += self._writes(batch, index)
                except TerminalError as error:
                    refusals.append(Refusal(batch, index, error))
        return [*refusals, *self._store.write(writes)]

    def close(self) -> None:
        self._store.close()

    def _writes(self, batch: Batch, index: int) -> list[SourceWrite]:
        version = version_of(batch, index)
        schema = self._schemas.of(batch.topic, version)
        if schema is not None:
            return [self._write_of(batch, index, schema)]
        if version == 0 and is_deletion(batch.headers[index]):
            # Where no row was ever written, there is none to delete.
            return []
        raise TerminalError(Reason.UNKNOWN_SCHEMA, f"no version {version} of {batch.topic} in sources.schemas")

    def _write_of(self, batch: Batch, index: int, schema: RowSchema) -> SourceWrite:
        try:
            return write_of(batch, index, schema)
        except TerminalError as error:
            made_anew = self._schemas.made_anew(schema) if error.reason == Reason.INVALID_RECORD else None
            if made_anew is None:
                raise
        return write_of(batch, index, made_anew)
