"""Mistakes in the file of a source are named."""

from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter, ValidationError

from headrace.errors import ConfigurationError
from ingest_sources.http_apis.answer import Answer
from ingest_sources.http_apis.hidden import Hidden
from ingest_sources.http_apis.http_source import HttpOptions
from ingest_sources.http_apis.origin import Reach, origin_of

OPTIONS: TypeAdapter[HttpOptions] = TypeAdapter(HttpOptions)
URL = "https://api.example.com/v1/orders"
INCREMENTAL = {"param": "since", "place": "at", "start": "2020-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"url": "file:///etc/passwd"}, "begins with https"),
        ({"url": "ftp://a/b"}, "begins with https"),
        ({"url": "https:///nothing"}, "begins with https"),
        ({"url": "https://user:password@a/"}, "name a secret under `auth`"),
        ({"url": "https://a/#b"}, "has a `#`"),
        ({"url": "https://a:port/"}, "is no address"),
        ({"headers": {"Authorization": "Bearer x"}}, "name a secret under `auth`"),
        ({"headers": {"Cookie": "a=b"}}, "name a secret under `auth`"),
        ({"headers": {"X-A": "b\r\nX-C: d"}}, "no name and value of a header"),
        ({"headers": {"Accept-Encoding": "br"}}, "own to set"),
        ({"url": "http://a/", "auth": {"kind": "bearer", "secret": "t"}}, "as plain text"),
        ({"auth": {"kind": "query", "name": "key", "secret": "t"}, "params": {"key": "x"}}, "both in `params`"),
        ({"paging": {"kind": "cursor", "param": "after"}}, "give either `place` or `header`"),
        ({"paging": {"kind": "page", "size": 10}}, "give both `size_param` and `size`"),
        ({"paging": {"kind": "pages"}}, "page"),
        ({"incremental": {**INCREMENTAL, "start": "v1", "overlap_seconds": 5}}, "neither a time"),
        ({"incremental": {**INCREMENTAL, "overlap_seconds": 1e15}}, "longer than any time"),
        ({"incremental": {**INCREMENTAL, "start": True}}, "in quotes"),
        ({"timeout": 5}, "not permitted"),
    ],
)
def test_mistake_is_told(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        OPTIONS.validate_python({"url": URL, **changes})


def test_mark_of_the_year_1_may_have_an_overlap() -> None:
    start = "0001-01-01T00:00:00Z"
    changes = {"incremental": {**INCREMENTAL, "start": start, "overlap_seconds": 60}}
    options = OPTIONS.validate_python({"url": URL, **changes}).incremental
    assert options is not None and options.order().sent(start) == start


def test_hosts_are_names_with_ports() -> None:
    reach = Reach(httpx.URL(URL), ["files.example.com", "other.example:8443", "[2606:4700::1]:444"])
    for allowed in (
        f"{URL}?page=2",
        "https://FILES.example.com/x",
        "https://other.example:8443/",
        "https://[2606:4700::1]:444/",
    ):
        reach.check(httpx.URL(allowed), "the redirect")
    for refused in ("https://api.example.com:8443/", "https://other.example/", "https://api.example.com.evil/"):
        with pytest.raises(ConfigurationError, match="where this source may not ask"):
            reach.check(httpx.URL(refused), "the redirect")
    for scheme in ("http", "file", "ftp"):
        with pytest.raises(ConfigurationError, match=f"from https to {scheme}"):
            reach.check(httpx.URL(f"{scheme}://api.example.com/"), "the redirect")
    assert origin_of(httpx.URL("HTTPS://API.example.com:443/a")) == origin_of(httpx.URL(URL))
    for wrong in ("https://a", "a/b", "", "user@a", "a?b"):
        with pytest.raises(ConfigurationError, match="is no name of a host"):
            Reach(httpx.URL(URL), [wrong])


def test_secret_is_hidden_wherever_the_shown_beginning_ends() -> None:
    secret = "s3cr3t" * 300
    for length in (0, 1, 150, 199):
        body = b"x" * length + secret.encode() + b"y" * 10_000
        shown = Answer(400, httpx.Headers(), httpx.URL(URL), body, Hidden([secret])).beginning
        assert "s3c" not in shown and shown.startswith("x" * length + "(secret)"[: 200 - length])


def test_secrets_are_hidden_in_all_ways_in_which_they_are_sent() -> None:
    hidden = Hidden(["p/ss wörd"])
    text = "p/ss wörd, p%2Fss%20w%C3%B6rd, p%2Fss+w%C3%B6rd, cC9zcyB3w7ZyZA=="
    assert hidden.text(text) == "(secret), (secret), (secret), (secret)"
    assert hidden.is_in("x=p%2Fss%20w%C3%B6rd")
    assert hidden.place(httpx.URL("https://u:p@a.example:8/x?key=1")) == "https://a.example:8/x"
