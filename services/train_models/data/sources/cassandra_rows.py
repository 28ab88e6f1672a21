"""Rows of a CQL query."""

from collections.abc import Iterator
from itertools import islice

import pyarrow as pa  # type: ignore[import-untyped]
from cassandra import DriverException, InvalidRequest, OperationTimedOut, Unauthorized
from cassandra.cluster import NoHostAvailable
from cassandra.query import SimpleStatement, tuple_factory

from headrace.cassandra import CassandraSettings, new_cluster
from headrace.errors import ConfigurationError, TransientError
from train_models.data.data_spec import CassandraRows
from train_models.data.sources.plain_values import batch_of_rows

_PAGE_ROWS = 5_000
_REQUEST_S = 60.0


def cassandra_rows(spec: CassandraRows, settings: CassandraSettings) -> Iterator[pa.RecordBatch]:
    """The rows, page by page, in the order that Cassandra gives them: by token, then by clustering key.

    Raises:
        ConfigurationError: Cassandra refuses the query.
        TransientError: it does not answer.
    """
    cluster = new_cluster(settings, _REQUEST_S, row_factory=tuple_factory)
    try:
        session = cluster.connect(settings.keyspace)
        result = session.execute(SimpleStatement(spec.query, fetch_size=_PAGE_ROWS))
        names, rows = list(result.column_names), iter(result)
        while part := list(islice(rows, _PAGE_ROWS)):
            yield batch_of_rows(names, part)
    except (InvalidRequest, Unauthorized) as error:
        raise ConfigurationError(f"cassandra: the query is refused: {error}") from error
    except (NoHostAvailable, OperationTimedOut, DriverException) as error:
        raise TransientError(f"cassandra does not answer: {error}") from error
    finally:
        cluster.shutdown()
