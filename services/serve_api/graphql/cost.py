"""What a GraphQL operation costs, reckoned before anything of it runs: values answered at most, and calls.

A list costs what is asked of each of its items, times as many as it may hold. Fragments are reckoned once, so one that
names another twice, twenty times over, is refused as fast as it is reckoned.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    value_from_ast_untyped,
)

CALL = 100
"""What a field that makes the server work costs besides what it answers: about a millisecond."""
CALLS = frozenset({"recommendations", "similar", "trending", "sendEvents"})
_LISTS = {"recommendations": 10, "similar": 10, "trending": 10}
"""Fields that answer a list of `count` items, with its default."""


@dataclass(frozen=True)
class Cost:
    """Attributes:
    values: answered at most, each call counting for `CALL`.
    calls: fields that make the server work.
    """

    values: int = 0
    calls: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.values + other.values, self.calls + other.calls)


EACH_BYTES = 2_048


def extra_cost(size: int) -> int:
    """The requests that a body counts for besides the one that it is: reading its query takes 0.4 ms for each."""
    return size // EACH_BYTES


def cost_of(document: DocumentNode, operation_name: str | None, variables: Mapping[str, Any]) -> Cost:
    """The cost of one operation of a valid document: one without cycles of fragments."""
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    chosen = [each for each in operations if operation_name in (None, each.name.value if each.name else None)]
    costs = [_Reckoner(fragments, {**_defaults(each), **variables}).of(each.selection_set) for each in chosen]
    return max(costs, key=lambda cost: cost.values, default=Cost())


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    """What its variables are where the request leaves them out."""
    given = {each.variable.name.value: each.default_value for each in operation.variable_definitions}
    return {name: value_from_ast_untyped(value) for name, value in given.items() if value is not None}


class _Reckoner:
    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode], variables: Mapping[str, Any]) -> None:
        self._fragments = fragments
        self._variables = variables
        self._known: dict[str, Cost] = {}

    def of(self, selections: SelectionSetNode | None) -> Cost:
        total = Cost()
        for each in selections.selections if selections else ():
            if isinstance(each, FieldNode):
                total += self._field(each)
            elif isinstance(each, InlineFragmentNode):
                total += self.of(each.selection_set)
            elif isinstance(each, FragmentSpreadNode):
                total += self._fragment(each.name.value)
        return total

    def _fragment(self, name: str) -> Cost:
        if name not in self._known:
            found = self._fragments.get(name)
            self._known[name] = self.of(found.selection_set) if found else Cost()
        return self._known[name]

    def _field(self, field: FieldNode) -> Cost:
        name = field.name.value
        within = self.of(field.selection_set)
        if name not in CALLS:
            return Cost(1) + within
        return Cost(CALL + self._times(field, name) * max(within.values, 1), 1 + within.calls)

    def _times(self, field: FieldNode, name: str) -> int:
        for argument in field.arguments:
            value = argument.value
            if argument.name.value == "count" and name in _LISTS:
                # One of another kind is refused by what validates, or by what reads the variables.
                given = self._variables.get(value.name.value) if isinstance(value, VariableNode) else value
                return _LISTS[name] if given is None else _number(given)
            if argument.name.value == "events":
                return self._events(value)
        return _LISTS.get(name, 1)

    def _events(self, value: object) -> int:
        if isinstance(value, VariableNode):
            found = self._variables.get(value.name.value)
            return len(found) if isinstance(found, list) else 1
        return len(value.values) if isinstance(value, ListValueNode) else 1


def _number(given: object) -> int:
    if isinstance(given, IntValueNode):
        return max(int(given.value), 1)
    return given if isinstance(given, int) and given > 0 else 1
