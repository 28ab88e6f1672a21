"""Keeps personal values out of dead letters: which columns are personal at which rule, and what is shown instead."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ingest_sources.rows import BadRow
from ingest_sources.rules.models import Pseudonymise, Rename
from ingest_sources.rules.rule_model import RuleModel

HIDDEN = "(personal)"


class IsHidden:
    """Whether a column is personal: one of these, or a part of one.

    Args:
        names: None for all columns.
    """

    def __init__(self, names: Collection[str] | None) -> None:
        self._names = names

    def __call__(self, name: str) -> bool:
        if self._names is None:
            return True
        return bool(self._names) and any(parent in self._names for parent in _parents(name))


def _parents(name: str) -> Iterator[str]:
    """The name, and those of what it is nested in: `a.b.c`, `a.b`, `a`."""
    yield name
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


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
        return frozenset(filter(IsHidden(self._at[position]), reads))

    def hide(self, cells: Mapping[str, Any]) -> Mapping[str, Any]:
        """A row's cells without personal values."""
        if not self.columns:
            return cells
        is_hidden = IsHidden(self.columns)
        return {name: HIDDEN if value is not None and is_hidden(name) else value for name, value in cells.items()}

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
