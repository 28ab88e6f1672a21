"""Keeps personal values out of dead letters: which columns are personal at which rule, and what is shown instead."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ingest_sources.rows import BadRow
from ingest_sources.rules.models import Pseudonymise, Rename
from ingest_sources.rules.rule_model import RuleModel

HIDDEN = "(personal)"


class Personal:
    """The personal columns of a source: those that it names, and those that a rule pseudonymises.

    A column that `derive` makes of them is not known as one: pseudonymise first, or derive after.

    Attributes:
        columns: by their names in the file.
    """

    def __init__(self, named: Iterable[str], rules: Sequence[RuleModel]) -> None:
        self.columns = frozenset(named) | _traced_back(rules)
        self._at = list(_followed(self.columns, rules))

    def is_met(self, position: int, reads: Iterable[str]) -> frozenset[str]:
        """Of the columns that a rule reads those that are personal there; `position` counts rules from 0."""
        return self._at[position].intersection(reads)

    def hide(self, cells: Mapping[str, Any]) -> Mapping[str, Any]:
        """A row's cells without personal values."""
        if not self.columns:
            return cells
        hidden = self.columns
        return {name: HIDDEN if name in hidden and value is not None else value for name, value in cells.items()}

    def hide_lines(self, bad: Sequence[BadRow]) -> tuple[BadRow, ...]:
        """Rows that could not be read, without their text: nobody knows which part of it is personal."""
        if not self.columns:
            return tuple(bad)
        return tuple(
            replace(row, original=b"", detail=f"{row.detail}; it may be personal, so it is kept in its file alone")
            for row in bad
        )


def _traced_back(rules: Sequence[RuleModel]) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for rule in reversed(rules):
        if isinstance(rule, Pseudonymise):
            found |= frozenset(rule.columns)
        elif isinstance(rule, Rename):
            former = {new: old for old, new in rule.columns.items()}
            found = frozenset(former.get(name, name) for name in found)
    return found


def _followed(columns: frozenset[str], rules: Sequence[RuleModel]) -> Iterable[frozenset[str]]:
    for rule in rules:
        yield columns
        if isinstance(rule, Pseudonymise):
            columns -= frozenset(rule.columns)
        elif isinstance(rule, Rename):
            columns = frozenset(rule.columns.get(name, name) for name in columns)
