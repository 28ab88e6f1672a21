"""The JavaScript client in Node: what it keeps, sends and sends again, and what it reads of a stream."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.node import run_module
from tests.unit.clients.fake_api import TAKEN, FakeApi, fake_api, problem

STORAGE = """
import { Headrace } from "./headrace.js";
class Kept {
  getItem(key) { return this[key] ?? null; }
  setItem(key, value) { this[key] = String(value); }
  removeItem(key) { delete this[key]; }
}
const storage = new Kept();
const waiting = () => Object.keys(storage).filter((key) => key.startsWith("headrace:event:")).length;
"""


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api() as api:
        yield api


def test_events_go_in_one_batch_with_ids_times_and_their_person(api: FakeApi) -> None:
    (ids,) = run_module(
        """
        import { Headrace } from "./headrace.js";
        const headrace = new Headrace({ key: "secret", user: "42" });
        const ids = [headrace.view("cup"), headrace.purchase("cup", 9.5, { quantity: 2 }), headrace.rate("cup", 8)];
        await headrace.flush();
        print(ids);
        """,
        HEADRACE_URL=api.url,
    )
    (events,) = api.events()
    assert [event["id"] for event in events] == ids and len(set(ids)) == 3
    assert [(event["kind"], event["user"], event.get("value")) for event in events] == [
        ("view", "42", None),
        ("purchase", "42", 9.5),
        ("rating", "42", 8),
    ]
    assert all(event["time"].endswith("Z") for event in events)
    assert api.requests[0][2]["authorization"] == "Bearer secret"


@pytest.mark.parametrize("trouble", [(0, None, {}), problem(503, "unconfirmed"), problem(429, "rate-limited")])
def test_the_same_events_are_sent_again_until_they_are_taken(
    api: FakeApi, trouble: tuple[int, object, dict[str, str]]
) -> None:
    api.answers = [trouble]
    (left,) = run_module(
        STORAGE + "const one = new Headrace({ storage }); one.view('cup'); await one.flush(); print(waiting());",
        HEADRACE_URL=api.url,
    )
    first, second = api.events()
    assert first == second and left == 0


def test_what_was_not_taken_is_sent_by_the_next_page_with_the_same_session(api: FakeApi) -> None:
    api.answers = [problem(503, "unconfirmed")]
    first, second = run_module(
        STORAGE
        + """
        const before = new Headrace({ storage });
        const id = before.view("cup");
        await before.flush(1).catch(() => {});
        before.close();
        print([id, before.session, waiting()]);
        const after = new Headrace({ storage });
        await after.flush();
        print([id, after.session, waiting()]);
        """,
        HEADRACE_URL=api.url,
    )
    assert first[:2] == second[:2] and (first[2], second[2]) == (1, 0)
    assert {(event["id"], event["session"]) for events in api.events() for event in events} == {tuple(first[:2])}
    assert len(api.events()) == 2


def test_retry_after_is_waited_for(api: FakeApi) -> None:
    api.fixed["/v1/trending"] = (200, {"items": []}, {})
    api.answers = [problem(429, "rate-limited", Retry_After="1")]
    # The first question takes Node long, and would have the events of the queue's own timer wait for it.
    run_module(
        """
        import { Headrace } from "./headrace.js";
        const one = new Headrace();
        await one.trending();
        one.view("cup");
        await one.flush();
        """,
        HEADRACE_URL=api.url,
    )
    first, second = api.times[1:]
    assert second - first >= 1


def test_what_is_refused_is_told_and_not_sent_again(api: FakeApi) -> None:
    refused = [{"index": 0, "errors": [{"name": "item"}]}]
    api.answers = [(202, {"accepted": 1, "repeated": 0, "refused": refused}, {}), problem(422, "invalid-request")]
    told = run_module(
        STORAGE
        + """
        const one = new Headrace({ storage, onError: (error) => print([error.status, error.kind, error.errors]) });
        one.view("cup");
        await one.flush();
        one.view("");
        await one.flush();
        """,
        HEADRACE_URL=api.url,
    )
    assert told == [[202, "", refused], [422, "invalid-request", []]]
    assert len(api.events()) == 2


def test_what_is_refused_as_a_whole_takes_no_event_along_that_is_right(api: FakeApi) -> None:
    api.answers = [problem(422, "invalid-request"), problem(422, "invalid-request"), TAKEN]
    each = {"errors": [{"name": "events.0.item"}, {"name": "events.1.item"}]}
    status, document, headers = problem(422, "invalid-request")
    told = run_module(
        STORAGE
        + """
        const one = new Headrace({ storage, onError: (error) => print(error.status) });
        for (const item of ["a", "b", "c", "cut\\ud83d"]) one.view(item);
        await one.flush();
        print(waiting());
        """,
        HEADRACE_URL=api.url,
    )
    assert told == [0]
    sent = [[event["item"] for event in events] for events in api.events()]
    assert sent == [["a", "b", "c", "cut\ufffd"], ["a", "b"], ["a"], ["b", "c"], ["cut\ufffd"]]
    api.answers = [(status, {**document, **each}, headers)]
    script = "one.view(''); one.view(''); await one.flush(); print(waiting());"
    told = run_module(
        STORAGE + "const one = new Headrace({ storage, onError: (error) => print(error.status) });" + script,
        HEADRACE_URL=api.url,
    )
    assert told == [422, 0] and len(api.events()) == 6


def test_a_key_that_does_not_count_loses_nothing(api: FakeApi) -> None:
    api.answers = [problem(401, "unknown-key")]
    told = run_module(
        STORAGE
        + """
        const one = new Headrace({ storage, onError: (error) => print(error.kind) });
        one.view("cup");
        await one.flush();
        """,
        HEADRACE_URL=api.url,
    )
    assert told == ["unknown-key"] and len(api.events()) == 2


def test_a_full_storage_keeps_the_newest(api: FakeApi) -> None:
    run_module(
        STORAGE
        + """
        const whole = storage.setItem;
        storage.setItem = function (key, value) {
          if (waiting() >= 3 && key.startsWith("headrace:event:")) throw new Error("quota");
          whole.call(this, key, value);
        };
        const one = new Headrace({ storage });
        for (let number = 0; number < 5; number++) one.view(`item-${number}`);
        await one.flush();
        """,
        HEADRACE_URL=api.url,
    )
    assert [event["item"] for events in api.events() for event in events] == ["item-2", "item-3", "item-4"]


def test_erasure_takes_along_what_still_waits_and_the_session(api: FakeApi) -> None:
    api.answers = [(202, {"erased": True}, {})]
    ((before, after, left),) = run_module(
        STORAGE
        + """
        const one = new Headrace({ storage });
        const before = one.session;
        one.view("cup");
        await one.forget();
        print([before, one.session, waiting()]);
        """,
        HEADRACE_URL=api.url,
    )
    assert before != after and left == 0
    assert [request[:2] for request in api.requests] == [("DELETE", f"/v1/sessions/{before}/data")]


def test_a_question_is_tried_again_and_a_refusal_is_an_error(api: FakeApi) -> None:
    api.answers = [problem(503, "unavailable"), (200, {"items": []}, {}), problem(404, "unknown-item")]
    found = run_module(
        """
        import { Headrace, HeadraceError } from "./headrace.js";
        const one = new Headrace({ user: "a/b", token: async () => "jwt" });
        print(await one.recommendations({ count: 3, category: "cups & pots" }));
        await one.similar("a/b").catch((error) => print([error instanceof HeadraceError, error.status, error.message]));
        """,
        HEADRACE_URL=api.url,
    )
    assert found == [{"items": []}, [True, 404, "it is unknown-item"]]
    asked = [path for _, path, _, _ in api.requests]
    assert asked[1] == "/v1/recommendations?user=a%2Fb&surface=home&count=3&category=cups+%26+pots"
    assert asked[2] == "/v1/items/a%2Fb/similar?count=10"
    assert api.requests[0][2]["x-user-token"] == "jwt"


def test_a_live_stream_is_connected_again_after_it_ended(api: FakeApi) -> None:
    api.stream = b'retry: 3000\n: following\n\nevent: recommendations\ndata: {"id":"a"}\n\nevent: end\ndata: {}\n\n'
    found = run_module(
        """
        import { Headrace } from "./headrace.js";
        const one = new Headrace({ session: "s" });
        const told = [];
        await new Promise((resolve) => {
          const stop = one.live((answer) => { if (told.push(answer.id) === 2) { stop(); resolve(); } }, { count: 3 });
        });
        print(told);
        """,
        HEADRACE_URL=api.url,
    )
    assert found == [["a", "a"]]
    assert [path for _, path, _, _ in api.requests] == ["/v1/recommendations/live?session=s&surface=home&count=3"] * 2


def test_a_live_stream_goes_on_with_the_session_after_an_erasure(api: FakeApi) -> None:
    api.stream = b'event: recommendations\ndata: {"id":"a"}\n\nevent: end\ndata: {}\n\n'
    ((before, after),) = run_module(
        STORAGE
        + """
        const one = new Headrace({ storage });
        const before = one.session;
        await new Promise((resolve) => {
          let count = 0;
          one.live(() => { count++ ? resolve() : one.forget(); });
        });
        print([before, one.session]);
        one.close();
        """,
        HEADRACE_URL=api.url,
    )
    asked = [f"{method} {path}" for method, path, _, _ in api.requests]
    live = "GET /v1/recommendations/live?session={}&surface=home&count=10"
    assert asked == [live.format(before), f"DELETE /v1/sessions/{before}/data", live.format(after)]


def test_what_a_callback_throws_is_told_and_ends_no_stream(api: FakeApi) -> None:
    one = b'event: recommendations\ndata: {"id":"a"}\n\n'
    api.stream = one + one + b"event: end\ndata: {}\n\n"
    told = run_module(
        """
        import { Headrace } from "./headrace.js";
        await new Promise((resolve) => {
          const told = [];
          const onError = (error) => { if (told.push(error.message) === 2) { print(told); resolve(); } };
          const one = new Headrace({ session: "s", onError });
          one.live(() => { if (told.length === 1) one.close(); throw new Error("broken"); });
        });
        """,
        HEADRACE_URL=api.url,
    )
    assert told == [["broken", "broken"]] and len(api.requests) == 1


def test_events_of_a_stream_are_read_wherever_it_is_cut() -> None:
    found = run_module(
        """
        import { serverEvents } from "./server_events.js";
        const text = "retry: 1\\n: note\\n\\nevent: a\\ndata: {\\ndata: }\\n\\ndata: ü\\n\\nevent: cut off\\ndata: x";
        const bytes = new TextEncoder().encode(text);
        for (const size of [1, 2, 7, bytes.length]) {
          const pieces = [];
          for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.slice(at, at + size));
          const body = ReadableStream.from(pieces);
          const read = [];
          for await (const event of serverEvents(body, () => {}, 1_000)) read.push(event);
          print(read);
        }
        """
    )
    assert found == [[{"event": "a", "data": "{\n}"}, {"event": "message", "data": "ü"}]] * 4


def test_a_silent_stream_is_noticed() -> None:
    found = run_module(
        """
        import { serverEvents } from "./server_events.js";
        const body = new ReadableStream({ start(controller) { globalThis.end = () => controller.close(); } });
        for await (const event of serverEvents(body, () => { print("silent"); globalThis.end(); }, 50)) print(event);
        """
    )
    assert found == ["silent"]
