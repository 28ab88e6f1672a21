"""`/v1/ingest` on the real topic: what is signed is in it when it is answered, and nothing else is."""

import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from deploy.local.paths import PROJECT
from deploy.local.scrape import scrape
from deploy.local.stack import Stack
from headrace.kafka import headers_of_message
from headrace.pushed import MAX_BYTES, TOPIC, Push
from headrace.range_reader import RangeReader
from headrace.replay.ranges import find_ranges
from headrace.testing import wait_until
from tests.integration.serve_api.api_process import BODY_TIMEOUT_S, MAX_OPEN, push_keys
from tests.integration.serve_api.client import Api
from tests.integration.serve_api.sender import Sender

pytestmark = pytest.mark.integration

README = PROJECT / "services" / "serve_api" / "README.md"
BODY = b'{"order": 1}'


@pytest.fixture
def sender(api: Api, stack: Stack) -> Sender:
    sender = Sender(api.url, push_keys(stack))
    sender.allow()
    return sender


def taken(stack: Stack, source: str) -> list[Push]:
    """What is in the topic for a source."""
    found = []
    for number, (start, end) in enumerate(find_ranges(stack.brokers, [TOPIC], 0, None)[TOPIC]):
        with closing(RangeReader(stack.brokers, TOPIC, number)) as reader:
            reader.start(start, end)
            while not reader.is_done:
                own = [message for message in reader.read() if message.key() == source.encode()]
                found += [Push.from_record(message.value(), headers_of_message(message)) for message in own]
    return found


def count_of(api: Api, outcome: str) -> float:
    samples = scrape(api.url)
    assert samples is not None
    return samples.total("headrace_api_pushes_total", outcome=outcome)


def assert_refused(answer: httpx.Response, status: int, kind: str) -> str:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert answer.json()["type"] == f"urn:headrace:problem:{kind}"
    detail: str = answer.json()["detail"]
    return detail


def test_push_is_in_the_topic_as_it_was_sent_when_it_is_answered(api: Api, sender: Sender, stack: Stack) -> None:
    before_us, before = time.time_ns() // 1_000, count_of(api, "accepted")
    body = b'\xff\x00 {"not": json}'
    answer = sender.push(body, "msg_1", "application/x-ndjson; charset=utf-8")
    assert (answer.status_code, answer.json()) == (202, {"id": "msg_1"})
    (push,) = taken(stack, sender.source)
    assert (push.id, push.body, push.content_type) == ("msg_1", body, "application/x-ndjson")
    assert before_us <= push.received <= time.time_ns() // 1_000
    assert count_of(api, "accepted") == before + 1


def test_largest_body_is_taken_and_one_byte_more_is_not(api: Api, sender: Sender, stack: Stack) -> None:
    before = count_of(api, "too_large")
    assert sender.push(b"x" * MAX_BYTES).status_code == 202
    body = b"x" * (MAX_BYTES + 1)
    assert_refused(sender.push(body), 413, "too-large")
    with httpx.Client(timeout=20) as client:
        headers = {**sender.headers(body, "1"), "transfer-encoding": "chunked"}
        pieces: Iterator[bytes] = (body[at : at + 50_000] for at in range(0, len(body), 50_000))
        answer = client.post(f"{api.url}/v1/ingest/{sender.source}", content=pieces, headers=headers)
    assert_refused(answer, 413, "too-large")
    assert [len(push.body) for push in taken(stack, sender.source)] == [MAX_BYTES]
    assert count_of(api, "too_large") == before + 2


def test_key_is_changed_without_a_restart_and_both_count_meanwhile(sender: Sender, stack: Stack) -> None:
    old = Sender(sender.url, sender.keys, sender.source)
    assert_refused(old.push(BODY), 401, "not-signed")
    sender.allow(old.secret)
    assert [old.push(BODY, "1").status_code, sender.push(BODY, "2").status_code] == [202, 202]
    sender.allow()
    assert_refused(old.push(BODY), 401, "not-signed")
    assert sender.push(BODY, "3").status_code == 202
    key_ids = {push.id: push.key_id for push in taken(stack, sender.source)}
    assert key_ids["2"] == key_ids["3"] != key_ids["1"]


def test_example_of_the_readme_sends(sender: Sender, stack: Stack, tmp_path: Path) -> None:
    example, *_ = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    (tmp_path / "orders.key").write_text((sender.keys / sender.source).read_text())
    code = example.replace("http://127.0.0.1:8000", sender.url).replace("ingest/orders", f"ingest/{sender.source}")
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=30)
    assert [push.body for push in taken(stack, sender.source)] == [b'[{"order": 1, "amount": 9.5}]']


def test_what_is_not_signed_as_it_is_sent_is_refused(api: Api, sender: Sender, stack: Stack) -> None:
    """Body, id, time and source are signed; a request that was recorded is too old soon."""
    before = count_of(api, "not_signed")
    headers = sender.headers(BODY, "msg_1")
    other = Sender(sender.url, sender.keys)
    other.allow()
    old = sender.headers(BODY, "msg_1", at_s=time.time() - 310)
    refused = [
        sender.post(BODY + b" ", headers),
        sender.post(b"", headers),
        sender.post(BODY, {**headers, "webhook-id": "msg_2"}),
        sender.post(BODY, {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}),
        sender.post(BODY, {**headers, "webhook-signature": "v1,"}),
        other.post(BODY, headers),
        sender.post(BODY, old),
        sender.post(BODY, {"content-type": "application/json"}),
    ]
    for answer in refused:
        assert_refused(answer, 401, "not-signed")
        assert answer.headers["www-authenticate"] == "StandardWebhooks"
    # What a forger could learn from is the same for each wrong signature.
    assert len({answer.json()["detail"] for answer in refused[:6]}) == 1
    assert taken(stack, sender.source) == taken(stack, other.source) == []
    assert count_of(api, "not_signed") == before + len(refused)


def test_source_without_keys_is_404(api: Api, sender: Sender) -> None:
    stranger = Sender(api.url, sender.keys)
    assert_refused(stranger.push(BODY), 404, "not-found")
    stranger.source = "..%2Forders"
    assert stranger.push(BODY).status_code == 404


def test_keys_that_others_can_read_are_503_and_why_is_in_the_log_alone(sender: Sender, stack: Stack) -> None:
    (sender.keys / sender.source).chmod(0o644)
    answer = sender.push(BODY)
    assert "chmod" not in assert_refused(answer, 503, "keys-unusable")
    assert int(answer.headers["retry-after"]) > 0
    log = stack.log_path("serve_api").read_text()
    assert f"{sender.source} may be read by others than its owner: chmod 600 it" in log


def test_other_content_and_an_empty_body_are_told(sender: Sender, stack: Stack) -> None:
    assert_refused(sender.push(BODY, content_type="text/plain"), 415, "unsupported-type")
    assert_refused(sender.push(BODY, content_encoding="gzip"), 415, "unsupported-type")
    assert_refused(sender.push(b""), 422, "invalid-request")
    assert_refused(sender.push(BODY, "a.b"), 422, "invalid-request")
    assert taken(stack, sender.source) == []


def test_body_is_in_no_log(sender: Sender, stack: Stack) -> None:
    secret = secrets.token_hex(16)
    body = f'{{"name": "{secret}"}}'.encode()
    sender.push(body)
    sender.push(body, webhook_signature="v1,x")
    sender.push(body, content_type="text/plain")
    assert secret not in stack.log_path("serve_api").read_text()


def test_bodies_that_do_not_come_fill_no_memory_and_are_given_up(api: Api, sender: Sender) -> None:
    before = {outcome: count_of(api, outcome) for outcome in ("too_slow", "busy", "disconnected")}
    with ExitStack() as stack:
        slow = [stack.enter_context(closing(_begun(sender))) for _ in range(MAX_OPEN)]
        wait_until(lambda: sender.push(BODY).status_code == 503, "all places to be taken", every=0.01)
        answer = sender.push(BODY)
        assert_refused(answer, 503, "busy")
        assert int(answer.headers["retry-after"]) > 0
        slow.pop().close()
        wait_until(lambda: sender.push(BODY).status_code == 202, "the place of one that is gone", BODY_TIMEOUT_S * 0.8)
        assert [connection.recv(12) for connection in slow] == [b"HTTP/1.1 408"] * (MAX_OPEN - 1)
    assert count_of(api, "too_slow") == before["too_slow"] + MAX_OPEN - 1
    assert count_of(api, "disconnected") == before["disconnected"] + 1
    assert count_of(api, "busy") > before["busy"]


def _begun(sender: Sender) -> socket.socket:
    """A request whose body does not come whole."""
    where = urlsplit(sender.url)
    headers = {**sender.headers(BODY, uuid4().hex), "Host": where.netloc, "Content-Length": "1000"}
    lines = [f"POST /v1/ingest/{sender.source} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    connection = socket.create_connection((where.hostname, where.port or 80), timeout=20)
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + BODY)
    return connection


def test_push_without_kafka_is_503_and_the_same_id_is_taken_later(api: Api, sender: Sender, stack: Stack) -> None:
    before = count_of(api, "unconfirmed")
    stack.kill("kafka", signal.SIGSTOP)
    try:
        answer = sender.push(BODY, "msg_1")
        assert "counts once" in assert_refused(answer, 503, "unconfirmed")
        assert int(answer.headers["retry-after"]) > 0
    finally:
        stack.kill("kafka", signal.SIGCONT)
    assert count_of(api, "unconfirmed") == before + 1
    wait_until(lambda: sender.push(BODY, "msg_1").status_code == 202, "a push to be confirmed")
    found = taken(stack, sender.source)
    # Whether what was not confirmed is there is unknown; nothing is there in part.
    assert found and {(push.id, push.body) for push in found} == {("msg_1", BODY)}
