"""Rows to items of the catalog: each by the rules of the API; a row that went takes its item out."""

from collections.abc import Iterator
from typing import Any

import msgspec
import polars as pl

from headrace import raw
from headrace.errors import Reason
from headrace.interactions.fault import Refused as RefusedItem
from headrace.interactions.item import item_id, item_of
from headrace.interactions.records import ITEMS, Item
from headrace.records import encode, headers_of, record_key
from headrace.streams.batch import ANY_PARTITION, OutRecord
from ingest_sources.interaction_rows import plain_value
from ingest_sources.into import IntoItems, columns_of_into
from ingest_sources.row_origin import Origin
from ingest_sources.rows import ROW, check_columns
from ingest_sources.rules.steps import Refused
from ingest_sources.text_template import columns_of, filled

_SITE = "__site__"
_TAG = "__tag__"
_SCHEMA = headers_of(Item("", "", 0))


def items(
    table: pl.DataFrame, into: IntoItems, origin: Origin, op_column: str
) -> tuple[list[OutRecord], list[Refused]]:
    """The records of good rows, in their order, and what is wrong with the others.

    Args:
        op_column: the column, if it is there, that says `delete` of a row that went; such a row has its key alone.

    Raises:
        ConfigurationError: a column that the configuration names is not there.
    """
    check_columns(table, columns_of_into(into), "into")
    headers = [*_SCHEMA, *origin.headers()]
    gone = table[op_column].to_list() if op_column in table.columns else [None] * table.height
    records: list[OutRecord] = []
    refused: list[Refused] = []
    for (number, site, given), op in zip(_given(table, into), gone, strict=True):
        own = [*headers, (raw.SOURCE_ROW, b"%d" % number)]
        if not (site and given.get("item")):
            detail = f"item {into.item!r} or site {into.site!r}: a column of it is empty"
            refused.append(Refused(number, detail, Reason.REFUSED_BY_RULE))
            continue
        try:
            if op == raw.DELETE:
                key, value = record_key(site, item_id(given["item"])), None
                own.append((raw.SOURCE_OP, raw.DELETE.encode()))
            else:
                item = item_of(given, site, origin.received)
                key, value = record_key(site, item.item), encode(item)
            records.append(OutRecord(ITEMS, key, value, own, ANY_PARTITION))
        except RefusedItem as refusal:
            detail = "; ".join(f"{_named(f.name, into)}: {f.problem}; {f.mend}" for f in refusal.faults)
            refused.append(Refused(number, detail, Reason.REFUSED_BY_RULE))
    return records, refused


def _given(table: pl.DataFrame, into: IntoItems) -> Iterator[tuple[int, str | None, dict[str, Any]]]:
    """Number and site of each row, and its item as a client would send it."""
    fields = {
        **{name: filled(template) for name, template in into.templates.items()},
        **{name: plain_value(table, column) for name, column in into.columns.items()},
        **{f"{_TAG}{at}": filled(template) for at, template in enumerate(into.tags)},
    }
    own = table.select(ROW, filled(into.site).alias(_SITE), *(value.alias(name) for name, value in fields.items()))
    attributes = table.select(plain_value(table, column) for column in into.attributes)
    each = attributes.to_dicts() if into.attributes else None
    for at, given in enumerate(own.iter_rows(named=True)):
        number, site = given.pop(ROW), given.pop(_SITE)
        texts = [given.pop(f"{_TAG}{tag}") for tag in range(len(into.tags))]
        tags = [tag for text in texts if text is not None for tag in _split(text, into.separator)]
        if tags:
            given["tags"] = tags
        if each is not None:
            given["attributes"] = each[at]
        yield number, site, given


def _split(text: str, separator: str | None) -> list[Any]:
    if separator is not None:
        return [part.strip() for part in text.split(separator) if part.strip()]
    if text.startswith("["):
        try:
            return msgspec.json.decode(text, type=list[Any])
        except msgspec.MsgspecError:
            return [text]
    return [text]


def _named(name: str, into: IntoItems) -> str:
    field = name.partition(".")[0]
    column = into.columns.get(field)
    columns = [column] if column else columns_of(into.templates.get(field, ""))
    return f"{name}, of {', '.join(columns)}" if columns else name
