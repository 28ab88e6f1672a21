"""Link, Retry-After and Content-Encoding, as servers write them."""

import gzip
import zlib
from collections.abc import Iterator

import pytest

from headrace.errors import ConfigurationError, TransientError
from ingest_sources.http_apis.body import read_body
from ingest_sources.http_apis.link_header import next_link
from ingest_sources.http_apis.retry_after import retry_after_s

NOW_US = 1_700_000_000_000_000  # 2023-11-14 22:13:20 UTC
PLAIN = b"0123456789" * 20_000


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (['<https://a/?p=2>; rel="next", <https://a/?p=9>; rel="last"'], "https://a/?p=2"),
        (["<https://a/?p=1>; rel=prev", "</?p=2>;rel=next"], "/?p=2"),
        (['<https://a/?x=1,2;3>; title="a, <b>; rel=next"; rel="prev last", <n>; REL="Last  Next"'], "n"),
        (['<a>; rel="prev"; rel="next"'], None),
        (["<a>; rel=nextish"], None),
        (["nonsense", "<unclosed; rel=next"], None),
        ([], None),
    ],
)
def test_next_link(values: list[str], found: str | None) -> None:
    assert next_link(values) == found


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120),
        ({"retry-after": "Tue, 14 Nov 2023 22:14:20 GMT"}, 60),
        ({"retry-after": "Tue, 14 Nov 2023 22:14:20 GMT", "date": "Tue, 14 Nov 2023 22:14:00 GMT"}, 20),
        ({"retry-after": "Tue, 14 Nov 2000 22:14:20 GMT"}, 0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, NOW_US) == seconds


def _deflated(wbits: int) -> bytes:
    packer = zlib.compressobj(wbits=wbits)
    return packer.compress(PLAIN) + packer.flush()


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("packing", "body"),
    [
        ("", PLAIN),
        ("gzip", gzip.compress(PLAIN)),
        ("x-gzip", gzip.compress(PLAIN[:100]) + gzip.compress(PLAIN[100:])),
        ("deflate", _deflated(15)),
        ("deflate", _deflated(-15)),
    ],
)
def test_body_is_unpacked_however_it_comes(packing: str, body: bytes, step: int) -> None:
    chunks = [body[start : start + step] for start in range(0, len(body), step)]
    assert read_body(chunks, packing, len(PLAIN), "here") == PLAIN


def test_body_that_is_cut_or_no_packing_is_told() -> None:
    with pytest.raises(TransientError, match="cut off"):
        read_body([gzip.compress(PLAIN)[:-20]], "gzip", len(PLAIN), "here")
    with pytest.raises(ConfigurationError, match="can't be unpacked"):
        read_body([gzip.compress(PLAIN)[:50], b"\xff" * 500], "gzip", len(PLAIN), "here")
    with pytest.raises(ConfigurationError, match="Content-Encoding br"):
        read_body([PLAIN], "br", len(PLAIN), "here")


def test_body_is_read_no_further_than_its_limit() -> None:
    taken = 0

    def chunks() -> Iterator[bytes]:
        nonlocal taken
        packer = zlib.compressobj(wbits=31)
        while True:
            taken += 1
            yield packer.compress(bytes(1_000_000))

    with pytest.raises(ConfigurationError, match="more than limits"):
        read_body(chunks(), "gzip", 5_000_000, "here")
    assert taken < 10
