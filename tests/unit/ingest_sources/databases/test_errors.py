"""A database's words are told, but where they quote values of rows."""

import psycopg
import pytest

from headrace.errors import ConfigurationError, TransientError
from ingest_sources.databases.errors import explained


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (psycopg.errors.InvalidTextRepresentation('invalid input for type integer: "0815"'), "SQLSTATE 22P02"),
        (psycopg.errors.CheckViolation('value "0815" for domain x violates check'), "SQLSTATE 23514"),
        (psycopg.errors.RaiseException("0815 is no order"), "SQLSTATE P0001"),
        (psycopg.DataError("Incorrect integer value: '0815'"), "DataError"),
        (
            psycopg.OperationalError("Could not decode to UTF-8 column 'a' with text '0815'"),
            "not valid in the encoding",
        ),
    ],
    ids=lambda given: type(given).__name__,
)
def test_words_that_quote_values_are_not_told(error: Exception, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught, explained("shop.orders", "60 s"):
        raise error
    assert str(caught.value).startswith("shop.orders ")
    assert "0815" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_other_words_are() -> None:
    with pytest.raises(ConfigurationError, match="column a does not exist"), explained("orders", "60 s"):
        raise psycopg.errors.UndefinedColumn("column a does not exist")
    with pytest.raises(TransientError, match="shutting down"), explained("orders", "60 s"):
        raise psycopg.errors.AdminShutdown("the server is shutting down")
