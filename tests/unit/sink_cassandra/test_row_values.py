"""Values of rows: exact, of their column's type, or refused."""

from decimal import Decimal
from typing import Literal

import pytest

from headrace.errors import Reason, TerminalError
from sink_cassandra.sources.row_values import Value, values_of

COLUMNS: dict[str, Literal["number", "boolean", "text"]] = {"n": "number", "b": "boolean", "t": "text"}


@pytest.mark.parametrize(
    ("row", "values"),
    [
        (b'{"n": 9223372036854775807}', {"n": Decimal(2**63 - 1)}),
        (b'{"n": 18446744073709551617}', {"n": Decimal(2**64 + 1)}),
        (b'{"n": 0.1, "b": false, "t": "\\u00fc"}', {"n": Decimal("0.1"), "b": False, "t": "ü"}),
        (b'{"n": "1.10"}', {"n": Decimal("1.10")}),
        (b'{"n": -1e-300}', {"n": Decimal("-1e-300")}),
        (b'{"t": [1.10, {"a": "\\n"}]}', {"t": '[1.10, {"a": "\\n"}]'}),
        (b'{"n": null, "t": "", "unseen": null}', {"t": ""}),
        (b"{}", {}),
    ],
)
def test_values_are_exact(row: bytes, values: dict[str, Value]) -> None:
    assert values_of(row, COLUMNS) == values


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (None, Reason.EMPTY_BODY),
        (b"{not json", Reason.MALFORMED_JSON),
        (b'{"n": NaN}', Reason.MALFORMED_JSON),
        (b'{"\xff": 1}', Reason.MALFORMED_JSON),
        (b"[1]", Reason.UNEXPECTED_SHAPE),
        (b'{"t":' + b"[" * 900_000, Reason.TOO_DEEP),
        (b'{"t": "\xff"}', Reason.INVALID_UTF8),
        (b'{"t": ["\xff"]}', Reason.INVALID_UTF8),
        (b'{"unseen": 1}', Reason.INVALID_RECORD),
        (b'{"n": "many"}', Reason.INVALID_RECORD),
        (b'{"n": "Infinity"}', Reason.INVALID_RECORD),
        (b'{"n": "1_0"}', Reason.INVALID_RECORD),
        (b'{"n": true}', Reason.INVALID_RECORD),
        (b'{"b": 1}', Reason.INVALID_RECORD),
        (b'{"t": 1}', Reason.INVALID_RECORD),
        (b'{"n": 1e999999999}', Reason.REFUSED_BY_STORE),
        (b'{"n": ' + b"9" * 1_001 + b"}", Reason.REFUSED_BY_STORE),
    ],
)
def test_what_does_not_fit_is_refused(row: bytes | None, reason: Reason) -> None:
    with pytest.raises(TerminalError) as refused:
        values_of(row, COLUMNS)
    assert refused.value.reason == reason
