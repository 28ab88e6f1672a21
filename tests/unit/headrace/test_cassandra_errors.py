"""What each error of the driver means for the records that met it."""

import pytest
from cassandra import AuthenticationFailed, InvalidRequest, OperationTimedOut, Unauthorized, Unavailable, WriteTimeout
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionShutdown
from cassandra.protocol import OverloadedErrorMessage, ServerError

from headrace.cassandra_errors import translate
from headrace.errors import ConfigurationError, SinkBackpressure, TerminalError, TransientError


@pytest.mark.parametrize(
    "error",
    [
        NoHostAvailable("away", {}),
        OperationTimedOut(),
        WriteTimeout("slow", write_type=1),
        Unavailable("too few"),
        ConnectionShutdown("gone"),
        ServerError(0, "odd", None),
    ],
)
def test_an_unknown_or_failed_write_is_tried_again(error: Exception) -> None:
    assert isinstance(translate(error), TransientError)


def test_an_overloaded_node_is_given_time() -> None:
    assert isinstance(translate(OverloadedErrorMessage(0x1001, "busy", None)), SinkBackpressure)


def test_a_refused_request_is_terminal() -> None:
    assert isinstance(translate(InvalidRequest("key may not be empty")), TerminalError)


def test_refused_credentials_end_the_process_with_a_word() -> None:
    error = NoHostAvailable("refused", {"host": AuthenticationFailed("bad password")})
    assert isinstance(translate(error), ConfigurationError)


@pytest.mark.parametrize("error", [ValueError("a bug"), Unauthorized("no")])
def test_all_else_is_left_to_end_the_process(error: Exception) -> None:
    assert translate(error) is error
