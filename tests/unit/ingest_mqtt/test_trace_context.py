"""Which traceparent is passed on."""

import pytest

from ingest_mqtt.trace_context import is_traceparent

_TRACE, _SPAN = b"4bf92f3577b34da6a3ce929d0e0e4736", b"00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        (b"00-%s-%s-01" % (_TRACE, _SPAN), True),
        (b"00-%s-%s-01-more" % (_TRACE, _SPAN), False),
        (b"cc-%s-%s-01-more" % (_TRACE, _SPAN), True),
        (b"cc-%s-%s-01" % (_TRACE, _SPAN), True),
        (b"cc-%s-%s-01x" % (_TRACE, _SPAN), False),
        (b"ff-%s-%s-01" % (_TRACE, _SPAN), False),
        (b"00-%s-%s-01" % (_TRACE.upper(), _SPAN), False),
        (b"00-%s-%s-01" % (b"0" * 32, _SPAN), False),
        (b"00-%s-%s-01" % (_TRACE, b"0" * 16), False),
        (b"00-%s-%s" % (_TRACE, _SPAN), False),
        (b"", False),
    ],
)
def test_w3c_rules(value: bytes, valid: bool) -> None:
    assert is_traceparent(value) is valid
