"""What a client does wrong in GraphQL is answered and not logged, and no query ever is: it may name a user."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from headrace.errors import TransientError
from serve_api.graphql.operations import Context
from serve_api.graphql.schema import execute
from serve_api.problems import Problem

USER = "anna@example.org"
WRONG = [
    "query { recommendations { " * 2 + "}" * 4,
    "query { " + " ".join(f"a{number}: trending {{ id }}" for number in range(1_000)) + " }",
    f'query {{ recommendations(user: "{USER}") {{ nothing }} }}',
    f'query {{ recommendations(user: "{USER}" ',
    "query { trending { ...missing } }",
]


class Away:
    """Services of which each part fails."""

    def __init__(self, error: Exception) -> None:
        self.clients = SimpleNamespace(charge=lambda *_: None)
        self._error = error

    @property
    def recommendations(self) -> Any:
        raise self._error


def ask(query: str, error: Exception | None = None) -> dict[str, Any]:
    principal = SimpleNamespace(client=SimpleNamespace(kind="server", tokens=None), site="default")
    request = SimpleNamespace(headers={})
    context = Context(cast(Any, request), cast(Any, principal), cast(Any, Away(error or RuntimeError("broken"))))
    return asyncio.run(execute(query, {}, None, context))


@pytest.mark.parametrize("query", WRONG)
def test_a_wrong_query_is_not_logged(query: str, caplog: pytest.LogCaptureFixture) -> None:
    assert ask(query)["errors"]
    assert caplog.records == []


@pytest.mark.parametrize("error", [TransientError("Cassandra is away"), Problem(422, "odd", "Odd", "it is odd")])
def test_what_is_refused_is_not_logged(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    assert ask(f'query {{ recommendations(user: "{USER}") {{ id }} }}', error)["errors"]
    assert caplog.records == []


@pytest.mark.parametrize("error", [RuntimeError("broken"), ValueError("broken")])
def test_what_breaks_within_is_logged_without_the_query(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    (answered,) = ask(f'query {{ recommendations(user: "{USER}") {{ id }} }}', error)["errors"]
    assert answered["message"] == "something is wrong in the server"
    (record,) = caplog.records
    assert (record.levelname, record.name) == ("ERROR", "serve_api.graphql.schema")
    assert vars(record)["field"] == "recommendations"
    assert f"{type(error).__name__}: broken" in caplog.text
    assert USER not in caplog.text
