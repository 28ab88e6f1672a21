"""Whom an API source asks, what it shows of its secrets, and whom it trusts. Real servers, real TLS; no Kafka."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpcore
import pytest

from headrace.clock import Clock
from headrace.errors import ConfigurationError, TransientError
from headrace.testing import FakeClock
from tests.integration.ingest_sources.http_bench import HttpBench
from tests.integration.ingest_sources.http_far_end import HttpFarEnd, Scripted

pytestmark = pytest.mark.integration
PUBLIC = "93.184.216.34"
CURSOR: dict[str, Any] = {"rows": "items", "paging": {"kind": "cursor", "param": "after", "place": "meta.next"}}
OAUTH2 = {"kind": "oauth2", "client_id": "headrace", "secret": "client"}


@pytest.fixture
def api() -> Iterator[HttpFarEnd]:
    end = HttpFarEnd([{"id": number} for number in range(37)])
    end.start()
    yield end
    end.stop()


class Internet(httpcore.SyncBackend):
    """A network on which the public address is this machine; it notes what is connected to."""

    def __init__(self) -> None:
        self.connected: list[str] = []

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        self.connected.append(host)
        return super().connect_tcp("127.0.0.1", port, timeout, local_address, socket_options)


class Names:
    """Answers look-ups, each time with the next addresses."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def bench(root: Path, url: str, **options: Any) -> HttpBench:
    return HttpBench(root, url, **{"allow_private": False, "limits": {"tries": 1}, **options})


def test_name_of_this_machine_is_refused_unless_allowed(api: HttpFarEnd, tmp_path: Path) -> None:
    for host in ("localhost", "127.0.0.1", "[::ffff:127.0.0.1]"):
        with pytest.raises(ConfigurationError, match="sources may not connect to; `allow_private: true`"):
            bench(tmp_path, api.url("/all", host)).run()
    assert api.asked == []
    assert len(bench(tmp_path, api.url("/all", "localhost"), allow_private=True).run()) == 37


def test_one_private_address_among_others_is_refused(api: HttpFarEnd, tmp_path: Path) -> None:
    net = Internet()
    with pytest.raises(ConfigurationError, match=r"api\.test has the address 10\.0\.0\.7"):
        bench(tmp_path, api.url("/all", "api.test"), look_up=Names([PUBLIC, "10.0.0.7"]), network=net).run()
    assert net.connected == []


def test_name_that_answers_differently_the_next_time_gains_nothing(api: HttpFarEnd, tmp_path: Path) -> None:
    """Looked up once for a connection, and just what was checked is connected to; a new connection checks anew."""
    names, net = Names([PUBLIC], ["127.0.0.1"]), Internet()
    api.next_answers = [Scripted(200, {"Connection": "close"}, b'{"items": [{"id": 1}], "meta": {"next": "c1"}}')]
    source = bench(tmp_path, api.url("/cursor", "api.test"), look_up=names, network=net, **CURSOR)
    assert source.run(1) == [1]
    assert (names.asked, net.connected) == ([("api.test", api.port)], [PUBLIC])
    assert api.asked[0].headers["host"] == f"api.test:{api.port}"
    with pytest.raises(ConfigurationError, match=r"api\.test has the address 127\.0\.0\.1"):
        source.run()
    assert len(api.asked) == 1
    assert net.connected == [PUBLIC]


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("http://169.254.169.254/latest/meta-data/", r"leads to 169\.254\.169\.254:80"),
        ("//169.254.169.254/x", r"leads to 169\.254\.169\.254:80"),
        ("http://127.0.0.1:1/", "leads to 127.0.0.1:1,"),
        ("https://127.0.0.1/", "leads from http to https"),
        ("file:///etc/passwd", "leads from http to file"),
        ("http://a:b/", "is no address"),
    ],
)
def test_nothing_leads_elsewhere(api: HttpFarEnd, tmp_path: Path, to: str, told: str) -> None:
    """Neither a redirect nor the header Link nor an address in the body."""
    with pytest.raises(ConfigurationError, match=told):
        bench(tmp_path, api.url("/redirect"), params={"to": to}, allow_private=True).run()
    api.next_answers = [Scripted(200, {"Link": f"<{to}>; rel=next"}, b"[]")]
    with pytest.raises(ConfigurationError, match=told):
        bench(tmp_path, api.url("/link"), paging={"kind": "link"}, allow_private=True).run()
    body = b'{"results": [], "next": "%s"}' % to.encode()
    api.next_answers = [Scripted(200, {}, body)]
    options = {"rows": "results", "paging": {"kind": "next_url"}}
    with pytest.raises(ConfigurationError, match=told):
        bench(tmp_path, api.url("/next_url"), allow_private=True, **options).run()
    assert len(api.asked) == 3


def test_link_local_addresses_are_refused_even_if_their_host_is_allowed(api: HttpFarEnd, tmp_path: Path) -> None:
    to = "http://169.254.169.254/latest/meta-data/"
    options = {"params": {"to": to}, "hosts": ["169.254.169.254"], "allow_private": True}
    with pytest.raises(ConfigurationError, match=r"has the address 169\.254\.169\.254, which"):
        bench(tmp_path, api.url("/redirect"), **options).run()


def test_redirects_within_reach_are_followed_up_to_their_limit(api: HttpFarEnd, tmp_path: Path) -> None:
    assert len(bench(tmp_path, api.url("/redirect"), params={"to": "/all"}, allow_private=True).run()) == 37
    with pytest.raises(ConfigurationError, match="more than 2 redirects"):
        options = {"params": {"to": "/redirect?to=/redirect"}, "limits": {"max_redirects": 2}, "allow_private": True}
        api.next_answers = [Scripted(302, {"Location": "/a"})] * 3
        bench(tmp_path, api.url("/redirect"), **options).run()


@pytest.mark.parametrize(
    "auth",
    [
        {"kind": "bearer", "secret": "key"},
        {"kind": "header", "name": "X-Key", "secret": "key"},
        {"kind": "query", "name": "api_key", "secret": "key"},
        {"kind": "basic", "user": "u", "secret": "key"},
    ],
)
def test_secrets_go_to_their_own_origin_alone_and_are_shown_nowhere(
    api: HttpFarEnd, tmp_path: Path, auth: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """Two servers: the one redirects to the other; the API repeats what it was sent in its pages and errors."""
    caplog.set_level(logging.DEBUG)
    other = HttpFarEnd([{"id": 1}])
    other.start()
    secret = "s3cr3t/of+ours"  # noqa: S105
    options = {"auth": auth, "secrets": {"key": secret}, "allow_private": True, "hosts": [f"127.0.0.1:{other.port}"]}
    to = other.url("/all?api_key=" + secret)
    assert bench(tmp_path, api.url("/redirect"), params={"to": to}, **options).run() == [1]
    sent = [str(asked) for asked in (*api.asked, *other.asked)]
    other.stop()
    assert secret in sent[0] or "dTpzM2NyM3Qvb2Yrb3Vycw==" in sent[0]
    # The far end named it in its redirect; only where we would send it by ourselves is it taken out.
    if auth["kind"] == "query":
        assert secret not in sent[1]
    assert not {"authorization", "x-key"} & set(other.asked[0].headers)
    source = bench(tmp_path, api.url("/next_url"), rows="results", paging={"kind": "next_url"}, **options)
    assert source.run() == list(range(37))
    parts = source.parts(2)
    api.next_answers = [Scripted(400, {}, f"no: {secret} api_key=s3cr3t%2Fof%2Bours".encode())]
    with pytest.raises(ConfigurationError) as told:
        source.run()
    shown = f"{told.value} {caplog.text} {[part.cursor for part in parts]} {[part.sections for part in parts]}"
    assert "s3cr3t" not in shown
    assert "(secret)" in str(told.value)


def test_page_that_has_the_secret_in_its_address_is_not_kept(api: HttpFarEnd, tmp_path: Path) -> None:
    options = {"auth": {"kind": "header", "name": "X-Key", "secret": "key"}, "secrets": {"key": "s3cr3t-key"}}
    api.next_answers = [Scripted(200, {"Link": "</link?key=s3cr3t-key>; rel=next"}, b'[{"id": 1}]')]
    with pytest.raises(ConfigurationError, match="has a secret in it"):
        bench(tmp_path, api.url("/link"), paging={"kind": "link"}, allow_private=True, **options).run()


def oauth2(root: Path, api: HttpFarEnd, clock: Clock | None = None, **changes: str) -> HttpBench:
    auth = {**OAUTH2, "token_url": api.url("/token"), **changes}
    options = {"auth": auth, "secrets": {"client": "client-secret"}, "allow_private": True}
    return bench(root, api.url("/private/cursor"), clock=clock, **CURSOR, **options)


@pytest.mark.parametrize("client_in", ["header", "body"])
def test_token_is_got_once_and_anew_before_it_expires(api: HttpFarEnd, tmp_path: Path, client_in: str) -> None:
    clock = FakeClock()
    source = oauth2(tmp_path, api, clock, client_in=client_in)
    assert source.run() == list(range(37))
    assert source.run() == []
    assert api.paths.count("/token") == 1
    clock.advance(api.token_lasts_s - 31)
    source.run()
    assert api.paths.count("/token") == 1
    clock.advance(2)
    source.run()
    assert api.paths.count("/token") == 2


def test_token_that_is_refused_is_renewed_once(api: HttpFarEnd, tmp_path: Path) -> None:
    source = oauth2(tmp_path, api)
    found = source.run(1)
    api.token = "token-2"  # noqa: S105
    assert found + source.run() == list(range(37))
    assert api.paths.count("/token") == 2
    api.next_answers = [Scripted(401), Scripted(401)]
    with pytest.raises(ConfigurationError, match="does not take the secret"):
        source.run()
    assert api.paths.count("/token") == 3


def test_client_that_is_not_known_is_told_without_its_secret(api: HttpFarEnd, tmp_path: Path) -> None:
    api.clients = {}
    with pytest.raises(ConfigurationError, match=r"gives no token: 401, .*invalid_client") as told:
        oauth2(tmp_path, api).run()
    assert "client-secret" not in str(told.value)


def test_environment_is_not_asked(api: HttpFarEnd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for proxies nor for passwords; and no cookie is kept."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login u password p")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    api.next_answers = [Scripted(302, {"Set-Cookie": "a=b; Path=/", "Location": "/all"})]
    assert len(bench(tmp_path, api.url("/all"), allow_private=True).run()) == 37
    assert not {"authorization", "cookie"} & {name for asked in api.asked for name in asked.headers}


def _certificate(root: Path, name: str) -> tuple[Path, Path]:
    cert, key = root / f"{name}.pem", root / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return cert, key


def test_certificate_is_that_of_the_name_and_not_of_the_address(tmp_path: Path) -> None:
    """The address is pinned; TLS asks for the name. Without `ca_file`, or by another name, nobody is trusted."""
    cert, key = _certificate(tmp_path, "api.test")
    api = HttpFarEnd([{"id": 1}], (cert, key))
    api.start()
    net, names = Internet(), Names([PUBLIC])
    seams: dict[str, Any] = {"look_up": names, "network": net}
    assert bench(tmp_path, api.url("/all", "api.test"), ca_file=str(cert), **seams).run() == [1]
    with pytest.raises(ConfigurationError, match=r"certificate of other\.test is not to be trusted: Hostname mismatch"):
        bench(tmp_path, api.url("/all", "other.test"), ca_file=str(cert), **seams).run()
    with pytest.raises(ConfigurationError, match=r"not to be trusted: self-signed"):
        bench(tmp_path, api.url("/all", "api.test"), **seams).run()
    assert set(net.connected) == {PUBLIC}
    api.stop()


def test_plain_server_where_tls_is_expected_is_tried_again(api: HttpFarEnd, tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="can't be connected to"):
        bench(tmp_path, api.url("/all").replace("http:", "https:"), allow_private=True).run()
