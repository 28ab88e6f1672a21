"""The connection to Cassandra as asyncio sees it: connects in the background, reads by the page, tells what is away."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from cassandra import (
    DriverException,
    OperationTimedOut,
    RequestExecutionException,
    RequestValidationException,
)
from cassandra.cluster import (
    NoHostAvailable,
    ResponseFuture,
    ResultSet,
    Session,
)
from cassandra.connection import ConnectionException
from cassandra.protocol import ErrorMessageSub
from cassandra.protocol import RequestValidationException as InvalidMessage
from cassandra.query import BoundStatement, PreparedStatement, tuple_factory

from headrace.cassandra import new_cluster
from headrace.errors import TransientError
from serve_api.metrics import SERVICE, Metrics
from serve_api.scan import Page
from serve_api.settings import Settings

Row = tuple[Any, ...]

MAX_IN_FLIGHT = 128
"""Reads under way at once in this process: what one node answers well within the time-out."""
_RETRY_S = 1.0
_AWAY = (RequestExecutionException, OperationTimedOut, NoHostAvailable, ConnectionException, ErrorMessageSub)
_WRONG = (RequestValidationException, InvalidMessage)
_NO_CONNECTION = (DriverException, NoHostAvailable, ConnectionException, ErrorMessageSub, OSError)
_logger = logging.getLogger(__name__)


class StoreUnavailable(TransientError):
    """Cassandra does not answer now; whoever asks may try again."""


class CassandraClient:
    """Runs prepared reads. It starts before Cassandra does, and recovers when Cassandra returns.

    Args:
        statements: name → CQL; they are prepared as soon as there is a connection and the tables exist.
    """

    def __init__(self, settings: Settings, statements: Mapping[str, str], metrics: Metrics) -> None:
        self._settings = settings
        self._statements = statements
        self._metrics = metrics
        self._session: Session | None = None
        self._prepared: dict[str, PreparedStatement] = {}
        self._problem = ""
        self._in_flight = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._connecting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to connect, and returns at once."""
        self._connecting = asyncio.create_task(self._connect_until_it_works())

    async def stop(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._session is not None:
            await asyncio.to_thread(self._session.cluster.shutdown)

    def failure(self) -> str | None:
        """What ended the attempts to connect, if something unexpected did: the process should be restarted then."""
        task = self._connecting
        if task is None or not task.done() or task.cancelled() or task.exception() is None:
            return None
        return f"connecting to Cassandra ended: {task.exception()!r}"

    async def page(self, statement: str, values: Sequence[object], size: int, state: bytes | None = None) -> Page[Row]:
        """Reads one page of at most `size` rows; `state` is that of the page before.

        Raises:
            StoreUnavailable: Cassandra does not answer, or not in time.
        """
        session = self._session
        if session is None:
            raise StoreUnavailable("Cassandra is not connected yet, or its tables are not there yet")
        bound: BoundStatement = self._prepared[statement].bind(values)
        bound.fetch_size = size
        try:
            async with self._in_flight:
                return await _answer(session.execute_async(bound, paging_state=state))
        except _AWAY as error:
            if isinstance(error, _WRONG):
                raise
            self._metrics.store_errors.labels(SERVICE, type(error).__name__).inc()
            raise StoreUnavailable(f"Cassandra did not answer ({type(error).__name__})") from error

    async def _connect_until_it_works(self) -> None:
        while self._session is None:
            try:
                self._session = await asyncio.to_thread(self._connect)
            except _NO_CONNECTION as error:
                if str(error) != self._problem:
                    self._problem = str(error)
                    _logger.warning("Cassandra is not there yet", extra={"problem": self._problem})
                await asyncio.sleep(_RETRY_S)
        _logger.info("connected to Cassandra", extra={"hosts": self._settings.cassandra_hosts})

    def _connect(self) -> Session:
        cluster = new_cluster(self._settings, self._settings.query_timeout, row_factory=tuple_factory)
        try:
            session = cluster.connect(self._settings.keyspace)
            self._prepared = {name: session.prepare(cql) for name, cql in self._statements.items()}
        except BaseException:
            cluster.shutdown()
            raise
        return session


def _answer(response: ResponseFuture) -> asyncio.Future[Page[Row]]:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Page[Row]] = loop.create_future()

    # The driver's own thread calls these, so the loop has to be asked.
    def on_rows(rows: Sequence[Row] | None) -> None:
        state: bytes | None = ResultSet(response, rows).paging_state if response.has_more_pages else None
        loop.call_soon_threadsafe(_resolve, answer, Page(rows or (), state))

    def on_error(error: Exception) -> None:
        loop.call_soon_threadsafe(_fail, answer, error)

    response.add_callbacks(on_rows, on_error)
    return answer


def _resolve(answer: asyncio.Future[Page[Row]], page: Page[Row]) -> None:
    if not answer.done():
        answer.set_result(page)


def _fail(answer: asyncio.Future[Page[Row]], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
