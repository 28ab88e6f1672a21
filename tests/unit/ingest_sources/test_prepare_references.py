"""Reference data that can't be used hold a source back: they cost neither rows nor files."""

from collections.abc import Sequence

import polars as pl
import pytest

from ingest_sources.feeds.feed_source import FeedSource
from ingest_sources.into import IntoOwnTopic
from ingest_sources.prepare import Preparer
from ingest_sources.row_origin import Origin
from ingest_sources.rows import ROW, Rows
from ingest_sources.rules.apply import RuleSet
from ingest_sources.rules.lookup_model import AnyReference
from ingest_sources.rules.models import read_rules
from ingest_sources.rules.steps import ReferenceWrong

REGIONS = pl.DataFrame({"id": ["n", "n"], "zone": ["x", "y"]})
LOOKUP = {"lookup": {"in": {"file": "regions.csv"}, "on": "id", "take": "zone"}}


class Regions:
    """A reference that says two things of one key, until it is mended."""

    def __init__(self) -> None:
        self.rows = 2
        self.asked = 0

    def table(self, reference: AnyReference, columns: Sequence[str]) -> pl.DataFrame:
        self.asked += 1
        return REGIONS.head(self.rows)


@pytest.mark.parametrize("is_free_form", [True, False])
def test_no_row_is_refused_for_a_reference_that_is_wrong(is_free_form: bool) -> None:
    regions = Regions()
    rules = read_rules([LOOKUP])
    into = IntoOwnTopic(topic="sources.shop", key="{id}")
    source = FeedSource(name="shop", kind="test", rules=rules, into=into)
    preparer = Preparer(source, RuleSet(rules, None, (), is_free_form, regions), is_free_form)
    rows = Rows(pl.DataFrame({ROW: pl.Series([1, 2], dtype=pl.Int64), "id": ["n", "n"]}), (), 2)
    with pytest.raises(ReferenceWrong, match=r"rule 1 lookup: regions\.csv has rows that differ for one id: id is 'n'"):
        preparer.prepare(rows, Origin("shop", "orders", 0))
    assert regions.asked == 1
    regions.rows = 1
    prepared = preparer.prepare(rows, Origin("shop", "orders", 0))
    assert [record.value for record in prepared.records] == [b'{"id":"n","zone":"x"}'] * 2
