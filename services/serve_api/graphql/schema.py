"""The schema with its limits, and how an operation is run."""

import logging
from collections.abc import Iterator
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import MaxAliasesLimiter, MaxTokensLimiter, QueryDepthLimiter, SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types import ExecutionContext, ExecutionResult

from headrace.errors import HeadraceError, TransientError
from serve_api.graphql.cost import cost_of
from serve_api.graphql.operations import Context, Mutation, Query
from serve_api.graphql.pairs import check_pairs
from serve_api.problems import Fault, Problem, invalid

_log = logging.getLogger(__name__)
MAX_DEPTH = 6
MAX_ALIASES = 20
MAX_TOKENS = 400
"""Tools ask for the whole schema with 183. Each takes 10 µs to parse, in which nobody else is answered."""
MAX_COST = 3_000


class CostLimiter(SchemaExtension):
    """Refuses what would be too much to validate, and then what would answer too much; and charges its calls."""

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if context.graphql_document is not None:
            check_pairs(context.graphql_document)
        yield
        if context.pre_execution_errors or context.graphql_document is None:
            return
        cost = cost_of(context.graphql_document, context.operation_name, context.variables or {})
        if cost.values > MAX_COST:
            detail = f"this would cost {cost.values:,} and {MAX_COST:,} is the most: ask for fewer items or fields"
            raise Problem(422, "too-costly", "Too costly", detail)
        asked: Context = context.context
        asked.services.clients.charge(asked.principal.client, asked.request, max(0, cost.calls - 1))


class QuietSchema(strawberry.Schema):
    """Logs what goes wrong within, and nothing else.

    Strawberry logs each error with its query, which may name a user; and of wrong ones a client can send many.
    """

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Called with the errors of an operation."""
        for each in errors:
            if _is_internal(each):
                place = ".".join(map(str, each.path or ()))
                _log.error("a GraphQL field failed", extra={"field": place}, exc_info=each.original_error)


SCHEMA = QuietSchema(
    query=Query,
    mutation=Mutation,
    extensions=[
        lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
        lambda: QueryDepthLimiter(max_depth=MAX_DEPTH),
        lambda: MaxAliasesLimiter(max_alias_count=MAX_ALIASES),
        CostLimiter,
    ],
)


async def execute(
    query: str, variables: dict[str, Any], operation_name: str | None, context: Context
) -> dict[str, Any]:
    """Runs an operation: `data`, and `errors` with a code each, as the GraphQL specification has them.

    Raises:
        Problem: there is no operation, or none of that name.
    """
    try:
        result = await SCHEMA.execute(
            query, variable_values=variables, context_value=context, operation_name=operation_name
        )
    except MissingQueryError:
        raise invalid(Fault("query", "it is empty", "send a query or a mutation")) from None
    except CannotGetOperationTypeError:
        mend = "name one of those that `query` has, or leave it out where it has one"
        raise invalid(Fault("operationName", "it isn't clear which operation is meant", mend)) from None
    if not isinstance(result, ExecutionResult):
        raise TypeError("the schema has no subscriptions")
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = [_error(each) for each in result.errors]
    return answer


def _error(error: GraphQLError) -> dict[str, Any]:
    cause = error.original_error
    formatted = {**error.formatted}
    if isinstance(cause, Problem):
        formatted |= {"message": cause.detail, "extensions": {"code": cause.kind, "status": cause.status}}
    elif isinstance(cause, TransientError):
        formatted |= {"message": str(cause), "extensions": {"code": "unavailable", "status": 503}}
    elif _is_internal(error):
        # What went wrong within is in the log, not in the answer.
        formatted |= {"message": "something is wrong in the server", "extensions": {"code": "internal", "status": 500}}
    return formatted


def _is_internal(error: GraphQLError) -> bool:
    cause = error.original_error
    # Before anything runs, so without a path, a ValueError is about what was sent.
    known = HeadraceError | GraphQLError if error.path else HeadraceError | GraphQLError | ValueError
    return cause is not None and not isinstance(cause, known)
