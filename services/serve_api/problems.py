"""Errors as `application/problem+json` (RFC 9457), each naming what is wrong and how to mend it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ConfigDict, Field, JsonValue, with_config
from starlette.exceptions import HTTPException
from starlette.responses import Response
from typing_extensions import TypedDict

from headrace.errors import HeadraceError, TransientError

MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:headrace:problem:"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fault:
    """One wrong parameter or field.

    Attributes:
        name: the parameter, or the field's path in the body.
        problem: what is wrong with it.
        mend: what to send instead.
    """

    name: str
    problem: str
    mend: str


class Problem(HeadraceError):
    """Ends a request with a problem document.

    Args:
        kind: a stable name; the document's `type` ends with it.
        detail: what happened and what the client can do.
        retry_after: seconds, sent as `Retry-After`.
        headers: sent with the document.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str,
        faults: Sequence[Fault] = (),
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
        self.faults = faults
        self.retry_after = retry_after
        self.headers = headers or {}


_FAULT: JsonValue = {
    "name": "from",
    "problem": "'2026-01-31T12:00:00' has no zone; add Z for UTC",
    "mend": "correct from",
}
_PROBLEM: JsonValue = {
    "type": f"{_TYPE}invalid-request",
    "title": "The request is not valid",
    "status": 422,
    "detail": "from: '2026-01-31T12:00:00' has no zone; add Z for UTC; correct from",
    "instance": "/v1/readings",
    "errors": [_FAULT],
}


@with_config(ConfigDict(json_schema_extra={"examples": [_FAULT]}))
class FaultDocument(TypedDict):
    """One wrong parameter or field."""

    name: Annotated[str, Field(description="The parameter, or the field's path in the body")]
    problem: Annotated[str, Field(description="What is wrong with it")]
    mend: Annotated[str, Field(description="What to send instead")]


@with_config(ConfigDict(json_schema_extra={"examples": [_PROBLEM]}))
class ProblemDocument(TypedDict):
    """What went wrong, by RFC 9457."""

    type: Annotated[str, Field(description="A stable name of the kind of problem")]
    title: str
    status: int
    detail: Annotated[str, Field(description="What happened and what you can do")]
    instance: Annotated[str, Field(description="The path that was asked for")]
    errors: Annotated[list[FaultDocument], Field(description="The wrong parameters and fields, where it is about them")]


def invalid(*faults: Fault) -> Problem:
    """The request can never be answered as it is."""
    detail = "; ".join(f"{fault.name}: {fault.problem}; {fault.mend}" for fault in faults)
    return Problem(422, "invalid-request", "The request is not valid", detail, faults)


def unavailable(what: str, retry_after: int = 2, kind: str = "unavailable") -> Problem:
    """A part that the request needs is away; the same request may succeed later."""
    return Problem(
        503,
        kind,
        "Not available now",
        f"{what}; try again in {retry_after} s",
        retry_after=retry_after,
    )


def not_found(what: str, mend: str) -> Problem:
    return Problem(404, "not-found", "Not found", f"{what}; {mend}")


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How these statuses are described in OpenAPI."""
    titles = {
        401: "The key, signature or token is missing, not known, wrong or old",
        403: "The client's scopes do not allow this, or it is about another user",
        404: "There is no such thing",
        408: "The body did not come in time",
        409: "The model is an online one, which answers no requests",
        413: "The body is too large",
        415: "The body is none of the types that are taken",
        422: "A parameter or field is wrong; the answer names it",
        429: "The client asks more often than it may; see Retry-After",
        503: "Cassandra or Kafka is away, or no model is loaded yet; see Retry-After",
    }
    return {
        status: {
            "description": titles[status],
            "model": ProblemDocument,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Makes every error of the application a problem document."""
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(TransientError, _answer_transient)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_unexpected)


async def _answer_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - starlette hands a handler the class it is registered for
    return render(request.url.path, error)


async def _answer_transient(request: Request, error: Exception) -> Response:
    return render(request.url.path, unavailable(str(error)))


async def _answer_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    faults = [_fault(item) for item in error.errors()]
    return render(request.url.path, invalid(*faults))


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    mends = {
        404: f"there is no {request.url.path}; see /docs for the routes",
        405: f"{request.url.path} does not take {request.method}; see /docs for what it takes",
        408: "the body did not come in time; send it again",
        413: "the body is too large; see the route's description in /docs for what it takes",
    }
    detail = mends.get(error.status_code, str(error.detail))
    problem = Problem(error.status_code, f"http-{error.status_code}", str(error.detail), detail)
    return render(request.url.path, problem, error.headers)


async def _answer_unexpected(request: Request, error: Exception) -> Response:
    # Of a path with a user in it, nothing may stay in the logs.
    route = str(getattr(request.scope.get("route"), "path", "unmatched"))
    _logger.error("a request met an unexpected error", extra={"route": route}, exc_info=error)
    problem = Problem(500, "unexpected", "Unexpected error", "this is a fault of the service, and is in its log")
    return render(request.url.path, problem)


def render(path: str, problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """A problem as a response."""
    document: ProblemDocument = {
        "type": f"{_TYPE}{problem.kind}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": path,
        "errors": [{"name": f.name, "problem": f.problem, "mend": f.mend} for f in problem.faults],
    }
    extra = {} if problem.retry_after is None else {"Retry-After": str(problem.retry_after)}
    sent = {**(headers or {}), **problem.headers, **extra}
    return Response(msgspec.json.encode(document), problem.status, sent, MEDIA_TYPE)


def _fault(item: Mapping[str, Any]) -> Fault:
    where = [str(part) for part in item["loc"] if part not in ("query", "path", "body")]
    name = ".".join(where) or "body"
    problem = str(item["msg"]).removeprefix("Value error, ")
    mends = {
        "extra_forbidden": "leave it out, or correct its name; see /docs for the names",
        "missing": f"add {name}",
        "json_invalid": "send a JSON object",
    }
    return Fault(name, problem, mends.get(str(item["type"]), f"correct {name}"))
