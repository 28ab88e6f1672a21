"""What serve_api writes of a push is what ingest_sources reads."""

import pytest

from headrace.errors import Reason, TerminalError
from headrace.pushed import BodyType, Push

PUSH = Push("orders", "msg_1", 1_700_000_000_000_000, BodyType.NDJSON, "0a1b2c3d", b'{"a": 1}\n\xff')


def test_record_is_read_as_it_was_written() -> None:
    assert Push.from_record(PUSH.body, PUSH.headers()) == PUSH
    assert PUSH.key == b"orders"


@pytest.mark.parametrize("missing", range(5))
def test_record_that_lacks_a_header_is_terminal(missing: int) -> None:
    headers = PUSH.headers()
    headers.pop(missing)
    with pytest.raises(TerminalError) as raised:
        Push.from_record(PUSH.body, headers)
    assert raised.value.reason is Reason.INVALID_RECORD


@pytest.mark.parametrize(("name", "value"), [("received", b"soon"), ("content_type", b"text/html")])
def test_record_with_another_content_is_terminal(name: str, value: bytes) -> None:
    with pytest.raises(TerminalError, match=r"sources\.pushed"):
        Push.from_record(PUSH.body, [(key, value if key == name else old) for key, old in PUSH.headers()])
