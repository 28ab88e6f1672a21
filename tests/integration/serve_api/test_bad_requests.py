"""What is wrong in a request is named, with what to do about it."""

import httpx
import pytest

from tests.integration.serve_api.client import TIMEOUT_S, Api

pytestmark = pytest.mark.integration

_JSON = {"Content-Type": "application/json"}
BAD_QUERIES = [
    ("/v1/readings", "", "device", "add device"),
    ("/v1/readings", "device=", "device", "at least 1"),
    ("/v1/readings", "device=a%00b", "device", "pattern"),
    ("/v1/readings", f"device={'a' * 513}", "device", "at most 512"),
    ("/v1/readings", "device=a&metrc=t", "metrc", "correct its name"),
    ("/v1/readings", "device=a&limit=0", "limit", "greater than or equal to 1"),
    ("/v1/readings", "device=a&limit=10001", "limit", "less than or equal to 10000"),
    ("/v1/readings", "device=a&limit=many", "limit", "integer"),
    ("/v1/readings", "device=a&order=up", "order", "'asc' or 'desc'"),
    ("/v1/readings", "device=a&from=yesterday", "from", "ISO 8601"),
    ("/v1/readings", "device=a&from=2026-01-31T12:00:00", "from", "add Z"),
    ("/v1/readings", "device=a&to=1e30", "to", "too large"),
    ("/v1/readings", "device=a&from=5&to=5", "from", "before to"),
    ("/v1/readings", "device=a&from=0", "from", "at most 31 days"),
    ("/v1/readings", "device=a&cursor=abc", "cursor", "not a cursor"),
    ("/v1/readings", "device=a&start=5", "start", "correct its name"),
    ("/v1/latest", "from=0", "from", "correct its name"),
    ("/v1/windows", "device=a&width=0", "width", "greater than or equal to 1"),
    ("/v1/windows", "device=a&width=10&from=1700000000&to=1710000000", "from", "at most 61 days"),
    ("/v1/windows", "device=a&from=1700000000&to=1790000000", "from", "at most 366 days"),
    ("/v1/anomalies", "from=1700000000&to=1710000000", "from", "at most 31 days"),
    ("/v1/devices", "limit=-1", "limit", "greater than or equal to 1"),
    ("/v1/live/readings", "devise=a", "devise", "correct its name"),
]

BAD_BODIES = [
    (b"", "body", "required"),
    (b"{", "1", "JSON"),
    (b"[]", "body", "dictionary"),
    (b"{}", "type", "add type"),
    (b'{"type":"toaster"}', "type", "use one of"),
    (b'{"type":"host","zone":"Mars/Olympus"}', "zone", "IANA"),
    (b'{"type":"host","zone":"../../etc/passwd"}', "zone", "IANA"),
    (b'{"type":"host","interval":5}', "interval", "correct its name"),
    (b'{"type":"host","expected_interval":0}', "expected_interval", "greater than 0"),
    (b'{"type":"host","expected_interval":NaN}', "expected_interval", "less than"),
    (b'{"type":"host","labels":{"a":1}}', "labels.a", "string"),
    (b'{"type":"host","labels":{"":"x"}}', "labels", "at least 1"),
]


BAD_FEEDBACK = [
    (b"{}", "verdict", "add verdict"),
    (b'{"verdict":"maybe"}', "verdict", "'true', 'false' or 'expected'"),
    (b'{"verdict":true}', "verdict", "'true', 'false' or 'expected'"),
    (b'{"verdict":"true","note":"' + b"x" * 501 + b'"}', "note", "at most 500"),
    (b'{"verdict":"true","note":5}', "note", "string"),
    (b'{"verdict":"true","note":"\\ud800"}', "note", "string"),
    (b'{"verdict":"true","author":"somebody"}', "author", "correct its name"),
]


@pytest.mark.parametrize(("path", "query", "name", "tells"), BAD_QUERIES)
def test_a_wrong_parameter_is_named(api: Api, path: str, query: str, name: str, tells: str) -> None:
    _assert_names(httpx.get(f"{api.url}{path}?{query}", timeout=TIMEOUT_S), name, tells)


@pytest.mark.parametrize(("body", "name", "tells"), BAD_BODIES)
def test_a_wrong_body_is_named(api: Api, device: str, body: bytes, name: str, tells: str) -> None:
    answer = httpx.put(f"{api.url}/v1/devices/{device}", content=body, headers=_JSON, timeout=TIMEOUT_S)
    _assert_names(answer, name, tells)


@pytest.mark.parametrize(("body", "name", "tells"), BAD_FEEDBACK)
def test_wrong_feedback_is_named(api: Api, body: bytes, name: str, tells: str) -> None:
    answer = httpx.post(f"{api.url}/v1/anomalies/any/feedback", content=body, headers=_JSON, timeout=TIMEOUT_S)
    _assert_names(answer, name, tells)


def _assert_names(answer: httpx.Response, name: str, tells: str) -> None:
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == 422
    assert problem["type"] == "urn:headrace:problem:invalid-request"
    faults = [fault for fault in problem["errors"] if fault["name"].startswith(name)]
    assert faults, problem
    assert any(tells in f"{fault['problem']}; {fault['mend']}" for fault in faults), problem


def test_a_cursor_is_only_good_for_its_own_query(api: Api, device: str) -> None:
    other = "WyJ4IiwxLDIsWzEsMCwidCJdXQ"
    answer = api.get("/v1/readings", device=device, cursor=other)
    _assert_names(answer, "cursor", "other parameters")


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(api: Api, device: str, is_chunked: bool) -> None:
    large = b'{"type":"host","labels":{"a":"' + b"x" * 100_000 + b'"}}'
    headers = {"Content-Type": "application/json"}
    content = iter([large]) if is_chunked else large
    answer = httpx.put(f"{api.url}/v1/devices/{device}", content=content, headers=headers, timeout=TIMEOUT_S)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("GET", "/", 404), ("DELETE", "/v1/devices", 405), ("POST", "/v1/readings", 405)],
)
def test_what_is_not_there_is_a_problem_document(api: Api, method: str, path: str, status: int) -> None:
    answer = httpx.request(method, f"{api.url}{path}", timeout=TIMEOUT_S)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["instance"] == path


def test_requests_are_counted_by_route_and_never_by_device(api: Api, device: str) -> None:
    api.get(f"/v1/devices/{device}")
    httpx.get(f"{api.url}/{device}", timeout=TIMEOUT_S)
    text = httpx.get(f"{api.url}/metrics", timeout=TIMEOUT_S).text
    assert (
        'headrace_api_requests_total{method="GET",route="/v1/devices/{device:path}",service="serve_api",status="404"}'
        in text
    )
    assert 'route="unmatched",service="serve_api",status="404"' in text
    assert 'headrace_api_request_seconds_bucket{le="0.01",route="/v1/readings",service="serve_api"}' in text
    assert device not in text
