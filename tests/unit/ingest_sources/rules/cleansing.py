"""Rules as a user writes them, applied to a small table."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import yaml

from ingest_sources.rows import ROW, BadRow, Rows
from ingest_sources.rules.apply import Cleansed, RuleSet
from ingest_sources.rules.custom_rule import Functions
from ingest_sources.rules.lookup_model import AnyReference
from ingest_sources.rules.lookup_rule import References
from ingest_sources.rules.models import read_rules
from ingest_sources.rules.pseudonyms import Keys


class Tables:
    """Reference data by what messages call them; a test may put others in their place."""

    def __init__(self, tables: Mapping[str, pl.DataFrame]) -> None:
        self.tables = dict(tables)

    def table(self, reference: AnyReference, columns: Sequence[str]) -> pl.DataFrame:
        return self.tables[reference.title]


def rule_set(
    rules: str,
    keys: Keys | None = None,
    personal: Sequence[str] = (),
    references: References | None = None,
    functions: Functions | None = None,
) -> RuleSet:
    return RuleSet(read_rules(yaml.safe_load(rules)), keys, personal, False, references, functions)


def rows(columns: Mapping[str, Sequence[Any] | pl.Series], bad: tuple[BadRow, ...] = ()) -> Rows:
    """Rows that are numbered from 1, or as `ROW` among the columns says."""
    table = pl.DataFrame(columns)
    if ROW not in table.columns:
        table = table.with_row_index(ROW, offset=1)
    return Rows(table.with_columns(pl.col(ROW).cast(pl.Int64)), bad, table.height)


def cleanse(rules: str, keys: Keys | None = None, /, **columns: Sequence[Any] | pl.Series) -> Cleansed:
    return rule_set(rules, keys).apply(rows(columns))


def values(rules: str, /, **columns: Sequence[Any] | pl.Series) -> list[Any]:
    """Column `a` after the rules."""
    return cleanse(rules, **columns).table["a"].to_list()


def details(cleansed: Cleansed) -> dict[int, str]:
    return {row.number: row.detail for row in cleansed.bad}
