"""What the headers of a push have to be."""

import pytest
from starlette.datastructures import Headers

from headrace.pushed import BodyType
from serve_api.problems import Problem
from serve_api.push_head import PushHead, read_head

NOW_S = 1_700_000_000
GOOD = {
    "webhook-id": "msg_1",
    "webhook-timestamp": str(NOW_S),
    "webhook-signature": "v1,x",
    "content-type": "application/json",
}


def read(**changes: str | None) -> PushHead:
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    headers = {name: value for name, value in {**GOOD, **named}.items() if value is not None}
    return read_head(Headers(headers), NOW_S * 1_000_000, 300)


def test_names_may_be_in_any_case() -> None:
    upper = Headers({name.title(): value for name, value in GOOD.items()})
    assert read_head(upper, NOW_S * 1_000_000, 300) == PushHead("msg_1", str(NOW_S), "v1,x", BodyType.JSON)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("application/json", BodyType.JSON),
        ("Application/JSON; charset=UTF-8", BodyType.JSON),
        ("application/x-ndjson", BodyType.NDJSON),
        ("application/ndjson", BodyType.NDJSON),
        ("application/jsonl", BodyType.NDJSON),
        ("text/csv; header=present; charset=iso-8859-1", BodyType.CSV),
    ],
)
def test_content_type_says_what_the_body_is(text: str, kind: BodyType) -> None:
    assert read(content_type=text).content_type is kind


@pytest.mark.parametrize(
    "changes",
    [
        {"content_type": None},
        {"content_type": ""},
        {"content_type": "text/plain"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "application/json; charset=utf-16"},
        {"content_encoding": "gzip"},
    ],
)
def test_other_content_is_415(changes: dict[str, str | None]) -> None:
    _is_refused(415, "unsupported-type", changes)


@pytest.mark.parametrize("name", ["webhook_id", "webhook_timestamp", "webhook_signature"])
@pytest.mark.parametrize("value", [None, ""])
def test_missing_part_of_the_signature_is_401(name: str, value: str | None) -> None:
    _is_refused(401, "not-signed", {name: value})


@pytest.mark.parametrize("seconds", [NOW_S - 301, NOW_S + 301, NOW_S * 1_000, "now", "-1", "1e9", "9" * 13, "17²"])
def test_old_or_odd_timestamp_is_401(seconds: object) -> None:
    _is_refused(401, "not-signed", {"webhook_timestamp": str(seconds)})


@pytest.mark.parametrize("seconds", [NOW_S - 300, NOW_S + 300])
def test_timestamp_within_the_tolerance_is_taken(seconds: int) -> None:
    assert read(webhook_timestamp=str(seconds)).timestamp == str(seconds)


@pytest.mark.parametrize("push_id", ["a.b", "a b", "a" * 257, "é", "a\tb"])
def test_id_whose_place_in_the_signed_text_could_be_another_is_refused(push_id: str) -> None:
    _is_refused(422, "invalid-request", {"webhook_id": push_id})


@pytest.mark.parametrize("push_id", ["a" * 256, "018f3a0e-7a2d-7cc0-b0f4-0d8f0c9f7a11", "order/7:created?", "-", "/"])
def test_any_other_visible_id_is_taken(push_id: str) -> None:
    assert read(webhook_id=push_id).id == push_id


def _is_refused(status: int, kind: str, changes: dict[str, str | None]) -> None:
    with pytest.raises(Problem) as raised:
        read(**changes)
    assert (raised.value.status, raised.value.kind) == (status, kind)
