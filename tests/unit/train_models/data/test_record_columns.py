"""Each of Headrace's records is a row of flat columns."""

import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from headrace.errors import ConfigurationError
from headrace.records import SCHEMAS, Device, Window, encode
from train_models.data.blocks import TIME, normalised
from train_models.data.sources.record_columns import RecordColumns


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_record_has_columns_that_a_snapshot_takes(schema: str) -> None:
    batch = RecordColumns(schema).batch([])

    assert normalised(batch).schema == batch.schema
    assert batch.num_columns >= len(set(SCHEMAS[schema].__struct_fields__) - {"number", "integer", "boolean"})


def test_fields_keep_their_meaning() -> None:
    window = Window("s", "d", "m", 1_000_000, 10_000_000, 3, 1.0, 2.0, 1.5, 0.1, 2.0, 9_000_000, 7)
    device = Device("s", "d", "t", "api", 5, 6, labels={"b": "2", "a": "1"})

    columns = RecordColumns("window.v1")
    found = columns.batch(columns.decode([encode(window)])[0])
    labels = RecordColumns("device.v1", ["labels", "expected_interval"]).batch([device])

    assert found.schema.field("start").type == found.schema.field("last_time").type == TIME
    assert found.column("start").cast(pa.int64()).to_pylist() == [1_000_000]
    row = found.to_pylist()[0]
    assert (row["width"], row["mean"], row["final"], row["unit"]) == (10_000_000, 1.5, False, None)
    assert labels.to_pylist() == [{"labels": '{"a":"1","b":"2"}', "expected_interval": None}]


def test_a_broken_record_costs_itself_alone() -> None:
    columns = RecordColumns("device.v1")
    good = encode(Device("s", "d", "t", "api", 5, 6))

    records, broken, reasons = columns.decode([good, b"{", good, b'{"site": 1}', good, b""])

    assert (len(records), broken) == (3, [1, 3, 5])
    assert "Expected `str`, got `int` - at `$.site`" in reasons[1]


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"window\.v1 has no column speed; there are site, device"):
        RecordColumns("window.v1", ["speed"])
