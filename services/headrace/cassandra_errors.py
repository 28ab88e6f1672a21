"""What the driver raises, as what it means here."""

from cassandra import (
    AuthenticationFailed,
    InvalidRequest,
    OperationTimedOut,
    RequestExecutionException,
)
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionException
from cassandra.protocol import OverloadedErrorMessage, ServerError
from cassandra.protocol import RequestExecutionException as ExecutionMessage

from headrace.errors import ConfigurationError, Reason, SinkBackpressure, TerminalError, TransientError

PAUSE_OF_OVERLOADED_S = 1.0
_AWAY = (
    NoHostAvailable,
    OperationTimedOut,  # the outcome is unknown, so it is written again
    RequestExecutionException,
    ExecutionMessage,
    ConnectionException,
    ServerError,
)


def translate(error: BaseException) -> BaseException:
    """The error of Headrace's tree for an error of the driver; the error itself where it must end the process."""
    if isinstance(error, OverloadedErrorMessage):
        return SinkBackpressure(f"Cassandra is overloaded: {error}", PAUSE_OF_OVERLOADED_S)
    if isinstance(error, InvalidRequest):
        return TerminalError(Reason.REFUSED_BY_STORE, str(error))
    if isinstance(error, NoHostAvailable) and any(isinstance(cause, AuthenticationFailed) for cause in _causes(error)):
        return ConfigurationError(f"Cassandra refused the user name or password: {error}")
    if isinstance(error, _AWAY):
        return TransientError(f"Cassandra: {type(error).__name__}: {error}")
    return error


def _causes(error: NoHostAvailable) -> list[BaseException]:
    return list(error.errors.values()) if isinstance(error.errors, dict) else []
