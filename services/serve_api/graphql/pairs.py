"""How much work it is to validate a document, reckoned before it is done, with each fragment looked at once.

Validation compares all fields of one name with each other, and the limits of depth and aliases go through a fragment
anew wherever it is named: 30 fragments that each name the next one twice are a thousand million steps.
"""

from collections import Counter
from collections.abc import Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from serve_api.problems import Problem

MAX_PAIRS = 20_000
"""Some 8 ms. A query with 20 aliases of a list with ten fields has 4,400."""


def check_pairs(document: DocumentNode) -> None:
    """Raises:
    Problem: there is too much to compare, or a fragment that is named is missing or names itself.
    """
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    counting = _Counting(fragments)
    found: Counter[str] = Counter()
    for name in fragments:
        found.update(counting.of_fragment(name))
    for each in document.definitions:
        if isinstance(each, OperationDefinitionNode):
            counting.add(each.selection_set, found)
    pairs = sum(count * count for count in found.values())
    if pairs > MAX_PAIRS:
        most = f"with its fragments put in, at most {MAX_PAIRS:,} pairs of fields may have one name"
        raise _refused("too-costly", f"{most}: name fewer fields, or name them once")


class _Counting:
    """Counts fields by their names in the answer, those of fragments as often as the fragments are named."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, Counter[str] | None] = {}

    def add(self, selections: SelectionSetNode | None, into: Counter[str]) -> None:
        for each in selections.selections if selections else ():
            if isinstance(each, FieldNode):
                into[(each.alias or each.name).value] += 1
                self.add(each.selection_set, into)
            elif isinstance(each, InlineFragmentNode):
                self.add(each.selection_set, into)
            elif isinstance(each, FragmentSpreadNode):
                into.update(self.of_fragment(each.name.value))

    def of_fragment(self, name: str) -> Counter[str]:
        if name not in self._known:
            if name not in self._fragments:
                raise _refused("unknown-fragment", f"there is no fragment {name[:100]}: add it to the query")
            self._known[name] = None
            found: Counter[str] = Counter()
            self.add(self._fragments[name].selection_set, found)
            self._known[name] = found
        counted = self._known[name]
        if counted is None:
            raise _refused("fragment-in-itself", f"the fragment {name[:100]} names itself, or one that names it")
        return counted


def _refused(kind: str, detail: str) -> Problem:
    return Problem(422, kind, "Refused", detail)
