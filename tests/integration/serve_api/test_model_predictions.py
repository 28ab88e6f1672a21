"""Predictions over HTTP: what is answered, what is refused, what is in Kafka by then."""

import signal
import time
import uuid
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from deploy.local.scrape import scrape
from deploy.local.stack import Stack
from headrace.models.inputs import Input
from headrace.models.records import PROMOTED, ModelVersion
from headrace.models.shares import share_of
from headrace.testing import wait_until
from tests.integration.serve_api.client import Api
from tests.integration.serve_api.served_model import PATIENCE_S, ServedModel
from tests.served_models import INPUTS, ROW, ModelMaker, linear, score_of

pytestmark = pytest.mark.integration


@pytest.fixture
def version(maker: ModelMaker, model: ServedModel) -> ModelVersion:
    """A champion that answers."""
    version = maker.make(model.name, 0.5)
    model.promote(version)
    return version


def assert_refused(answer: httpx.Response, status: int, *names: str) -> str:
    """As a problem document that names these fields; gives its detail."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert [fault["name"] for fault in problem["errors"]] == list(names)
    detail: str = problem["detail"]
    return detail


def test_one_row_is_answered_and_in_kafka_with_its_features(model: ServedModel, version: ModelVersion) -> None:
    before = time.time_ns() // 1_000
    answer = model.predict(ROW, subject="customer 7")
    expected = score_of(ROW, 0.5)
    assert uuid.UUID(answer["id"]).version == 7
    assert answer == {
        "id": answer["id"],
        "model": model.name,
        "version": version.version,
        "role": "champion",
        "probability": pytest.approx(expected, abs=1e-12),
        "decision": expected >= 0.5,
        "threshold": 0.5,
    }
    (made,) = model.predictions()
    assert (made.id, made.site, made.version, made.role) == (answer["id"], "default", version.version, "champion")
    assert made.features == {**ROW, "since": "2026-01-31T12:00:00.000000Z"}
    assert (made.score, made.decision, made.threshold) == (answer["probability"], True, 0.5)
    assert made.subject == "customer 7"
    assert before <= made.made <= time.time_ns() // 1_000


def test_many_rows_are_answered_in_their_order(model: ServedModel, version: ModelVersion) -> None:
    rows = [
        {**ROW, "Call  Failure": number % 100, "plan": "gold" if number % 3 else "basic"} for number in range(1_000)
    ]
    body = {"rows": rows, "ids": [f"r-{number}" for number in range(1_000)], "subjects": [None, "b"] * 500}
    answers = model.predict(body)["predictions"]
    assert [each["id"] for each in answers] == body["ids"]
    expected = [score_of(row, 0.5) for row in rows]
    assert [each["probability"] for each in answers] == pytest.approx(expected, abs=1e-12)
    made = {each.id: each for each in model.predictions()}
    assert len(made) == 1_000
    assert {made[f"r-{number}"].subject for number in range(1, 1_000, 2)} == {"b"}
    assert [made[each["id"]].score for each in answers] == [each["probability"] for each in answers]


def test_own_ids_and_reasons(model: ServedModel, version: ModelVersion) -> None:
    first, second = (model.predict(ROW, id="order-17", reasons=2) for _ in range(2))
    assert first == second
    assert first["id"] == "order-17"
    assert [(each["input"], each["value"], each["typical"]) for each in first["reasons"]] == [
        ("Call  Failure", 3.0, 1.0),
        ("plan", "gold", "basic"),
    ]
    assert first["reasons"][1]["effect"] == pytest.approx(score_of(ROW, 0.5) - score_of({**ROW, "plan": "basic"}, 0.5))
    assert [each.id for each in model.predictions()] == ["order-17", "order-17"]


def test_a_regression_has_a_value_and_no_decision(model: ServedModel, maker: ModelMaker) -> None:
    model.promote(maker.make(model.name, 2.0, task="regression"))
    answer = model.predict(ROW)
    assert answer["value"] == score_of(ROW, 2.0, "regression") == 5.0
    assert not {"probability", "decision", "threshold", "reasons"} & answer.keys()
    assert model.predictions()[0].decision is None


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in ROW.items() if key != name}


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (without("Call  Failure"), ["Call  Failure"]),
        ({**ROW, "Call  Failure": "3", "active": None}, ["Call  Failure", "active"]),
        ({**ROW, "Call Failure": 3}, ["Call Failure"]),
        ({"rows": [ROW, without("plan"), {**ROW, "since": "now"}]}, ["rows.1.plan", "rows.2.since"]),
        ({"rows": []}, ["rows"]),
        ({"rows": [ROW] * 1_001}, ["rows"]),
        ({"rows": [ROW, ROW], "ids": ["a"]}, ["ids"]),
        ({"rows": [ROW, ROW], "ids": ["a", "a"]}, ["ids"]),
        ({"rows": [ROW], "ids": ["a b"]}, ["ids.0"]),
        ({"rows": [ROW], "row": ROW}, ["row"]),
        ([ROW], ["row"]),
        (3, ["row"]),
    ],
)
def test_what_does_not_fit_is_refused_by_name_and_nothing_is_recorded(
    model: ServedModel, version: ModelVersion, body: Any, names: list[str]
) -> None:
    assert_refused(model.post(body), 422, *names)
    assert model.predictions() == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"plan": "\\ud800"}', b'{"Call  Failure": NaN}', b"[" * 5_000])
def test_what_is_no_json_is_refused(model: ServedModel, version: ModelVersion, body: bytes) -> None:
    assert_refused(model.http.post(f"/v1/models/{model.name}/predict", content=body), 422, "body")


@pytest.mark.parametrize(
    ("options", "name"), [({"reasons": "x"}, "reasons"), ({"id": "a b"}, "id"), ({"reason": 1}, "reason")]
)
def test_wrong_options_are_refused(
    model: ServedModel, version: ModelVersion, options: dict[str, Any], name: str
) -> None:
    assert_refused(model.post(ROW, **options), 422, name)


def test_too_large_a_body_is_refused(model: ServedModel, version: ModelVersion) -> None:
    assert_refused(model.post({"rows": [ROW], "subjects": ["x" * 2_200_000]}), 413)


@pytest.mark.parametrize("path", ["/v1/models/nobody", "/v1/models/nobody/predict", "/v1/models/..%2f..%2fetc/predict"])
def test_an_unknown_model_is_404_that_says_which_there_are(
    model: ServedModel, version: ModelVersion, path: str
) -> None:
    answer = model.post(ROW, path) if path.endswith("predict") else model.http.get(path)
    detail = assert_refused(answer, 404)
    if "%2f" not in path:
        assert model.name in detail


def test_an_unseen_level_is_answered_and_counted(api: Api, model: ServedModel, version: ModelVersion) -> None:
    assert model.predict({**ROW, "plan": "platinum"})["probability"] == pytest.approx(
        score_of({**ROW, "plan": "platinum"}, 0.5)
    )
    samples = scrape(api.url)
    assert samples is not None
    assert samples.total("headrace_prediction_unseen_total", model=model.name, input="plan") == 1
    assert samples.total("headrace_predictions_total", model=model.name, role="champion", decision="true") == 1
    assert samples.total("headrace_prediction_score_count", model=model.name) == 1
    # Alerts ask for the route by this name.
    assert samples.total("headrace_api_requests_total", route="/v1/models/{name}/predict", status="200") >= 1


def test_a_row_without_a_finite_score_is_refused_and_not_recorded(model: ServedModel, maker: ModelMaker) -> None:
    unbounded = (Input("Call  Failure", "number"), *INPUTS[1:])
    model.promote(maker.make(model.name, 10.0, task="regression", inputs=unbounded))
    assert_refused(model.post({**ROW, "Call  Failure": 1e308}), 422, "row")
    assert_refused(model.post({**ROW, "plan": "x" * 950_000}), 413)
    assert model.predictions() == []


def test_without_a_model_that_can_be_loaded_the_answer_is_503_with_the_reason(
    model: ServedModel, maker: ModelMaker
) -> None:
    model.promote(maker.make("another_model"))
    answer = model.post(ROW)
    assert "of model another_model" in assert_refused(answer, 503)
    assert int(answer.headers["retry-after"]) > 0
    model.promote(maker.make(model.name))
    assert model.predict(ROW)["version"] == maker.made


def test_models_are_described(api: Api, model: ServedModel, version: ModelVersion) -> None:
    found = api.get(f"/v1/models/{model.name}").json()
    assert found["card"].startswith(f"# {model.name}")
    Draft202012Validator(found["input_schema"]).validate(ROW)
    (shown,) = found["model"]["versions"]
    assert (shown["role"], shown["version"], shown["threshold"]) == ("champion", version.version, 0.5)
    assert shown["metrics"] == {"hold_out_roc_auc": 0.8}
    assert found["model"] in api.get("/v1/models").json()["items"]


def test_openapi_has_a_path_for_each_model_with_the_schema_of_its_rows(
    api: Api, model: ServedModel, version: ModelVersion
) -> None:
    document = api.get("/openapi.json").json()
    post = document["paths"][f"/v1/models/{model.name}/predict"]["post"]
    assert [each["name"] for each in post["parameters"]] == ["reasons", "id", "subject"]
    schema = document["components"]["schemas"][f"{model.name}_row"]
    assert schema["properties"].keys() == {field.name for field in INPUTS}
    Draft202012Validator(schema).validate(schema["examples"][0])
    assert model.predict(schema["examples"][0])["role"] == "champion"


def test_a_canary_answers_its_share_and_always_the_same_ids(model: ServedModel, maker: ModelMaker) -> None:
    champion, canary = maker.make(model.name, 0.5), maker.make(model.name, 0.1)
    model.promote(champion, canary=canary, canary_share=0.3)
    ids = [f"order-{number}" for number in range(300)]
    for _ in range(2):
        answers = model.predict({"rows": [ROW] * len(ids), "ids": ids})["predictions"]
        for prediction_id, each in zip(ids, answers, strict=True):
            is_canary = share_of(model.name, prediction_id) < 0.3
            assert (each["role"], each["version"]) == (
                ("canary", canary.version) if is_canary else ("champion", champion.version)
            )
            assert each["probability"] == pytest.approx(score_of(ROW, 0.1 if is_canary else 0.5))
    assert {each.id: each.role for each in model.predictions()} == {
        prediction_id: "canary" if share_of(model.name, prediction_id) < 0.3 else "champion" for prediction_id in ids
    }


def test_a_shadow_is_recorded_and_never_answered(model: ServedModel, maker: ModelMaker) -> None:
    champion, shadow = maker.make(model.name, 0.5), maker.make(model.name, 0.1)
    model.promote(champion, shadow=shadow)
    answers = [model.predict(ROW, id=f"order-{number}") for number in range(5)]
    assert {(each["role"], each["version"]) for each in answers} == {("champion", champion.version)}
    wait_until(lambda: len(model.predictions()) == 10, "the shadow's predictions")
    shadows = [each for each in model.predictions() if each.role == "shadow"]
    assert sorted(each.id for each in shadows) == [f"order-{number}" for number in range(5)]
    assert {each.version for each in shadows} == {shadow.version}
    assert shadows[0].score == pytest.approx(score_of(ROW, 0.1))


def test_trials_that_fail_at_rows_harm_no_request(api: Api, model: ServedModel, maker: ModelMaker) -> None:
    wants_more = (*INPUTS, Input("more", "number"))
    strange = maker.make(model.name, inputs=wants_more, content=linear(0.1, wants_more))
    model.promote(maker.make(model.name, 0.5), canary=strange, canary_share=1.0, shadow=strange)
    for _ in range(3):
        assert model.predict(ROW)["role"] == "champion"
    assert {each.role for each in model.predictions()} == {"champion"}

    def failures(role: str) -> float:
        samples = scrape(api.url)
        assert samples is not None
        return samples.total("headrace_prediction_trial_failures_total", model=model.name, role=role)

    assert failures("canary") == 3
    wait_until(lambda: failures("shadow") == 3, "the shadow's failures to be counted")


def test_outcomes_are_in_kafka_under_the_predictions_ids(model: ServedModel, version: ModelVersion) -> None:
    known = model.predict(ROW)["id"]
    one = {"id": known, "model": model.name, "label": True, "observed": "2026-02-28T00:00:00Z"}
    assert model.post(one, "/v1/outcomes").json() == {"accepted": 1}
    many = [{"id": f"order-{number}", "model": model.name, "label": number % 2 == 0} for number in range(3)]
    answer = model.post({"outcomes": many}, "/v1/outcomes")
    assert (answer.status_code, answer.json()) == (202, {"accepted": 3})
    found = {each.id: each for each in model.outcomes()}
    assert found.keys() == {known, "order-0", "order-1", "order-2"}
    assert (found[known].label, found[known].observed, found[known].site) == (True, 1_772_236_800_000_000, "default")
    assert found["order-1"].label is False
    assert abs(found["order-1"].observed - time.time_ns() // 1_000) < 60_000_000


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"label": 1}, "label"),
        ({"label": "yes"}, "label"),
        ({"model": "nobody"}, "model"),
        ({"id": ""}, "id"),
        ({"observed": "yesterday"}, "observed"),
        ({"more": 1}, "more"),
    ],
)
def test_a_wrong_outcome_is_refused_by_name_and_none_of_its_request_is_taken(
    model: ServedModel, version: ModelVersion, changes: dict[str, Any], name: str
) -> None:
    good = {"id": "order-1", "model": model.name, "label": True}
    alone = model.post({**good, **changes}, "/v1/outcomes")
    assert alone.json()["errors"][0]["name"].split(".")[0] == name
    assert alone.status_code == 422
    among = model.post({"outcomes": [good, {**good, **changes}]}, "/v1/outcomes")
    assert among.status_code == 422
    assert among.json()["errors"][0]["name"].startswith(f"outcomes.1.{name}")
    assert model.outcomes() == []


def test_the_outcome_of_a_regression_is_a_number(model: ServedModel, maker: ModelMaker) -> None:
    model.promote(maker.make(model.name, task="regression"))
    assert_refused(model.post({"id": "a", "model": model.name, "label": True}, "/v1/outcomes"), 422, "label")
    assert model.post({"id": "a", "model": model.name, "label": 3.5}, "/v1/outcomes").status_code == 202


def test_an_online_model_is_shown_and_its_outcomes_are_taken(model: ServedModel, maker: ModelMaker) -> None:
    version = maker.make_online(model.name)
    model.promote(version)
    shown = model.http.get(f"/v1/models/{model.name}").json()["model"]
    assert shown["problems"] == {}
    assert [(each["version"], each["runs_in"]) for each in shown["versions"]] == [
        (version.version, "process_predictions")
    ]
    assert "process_predictions runs it" in assert_refused(model.post(ROW), 409)
    assert model.post({"id": "a", "model": model.name, "label": 3.5}, "/v1/outcomes").status_code == 202
    assert_refused(model.post({"id": "a", "model": model.name, "label": True}, "/v1/outcomes"), 422, "label")


def test_a_model_whose_promotion_is_deleted_is_unknown(model: ServedModel, version: ModelVersion) -> None:
    assert model.predict(ROW)["version"] == version.version
    model.producer.produce(PROMOTED, None, model.name.encode())
    model.producer.flush(PATIENCE_S)
    wait_until(lambda: model.post(ROW).status_code == 404, "the withdrawal")
    assert_refused(model.post({"id": "a", "model": model.name, "label": True}, "/v1/outcomes"), 422, "model")
    model.promote(version)
    assert model.predict(ROW)["version"] == version.version


def test_without_kafka_nothing_is_answered_as_if_it_were_recorded(
    model: ServedModel, version: ModelVersion, stack: Stack
) -> None:
    stack.kill("kafka", signal.SIGSTOP)
    try:
        answers = [
            model.post(ROW, id="order-1"),
            model.post({"id": "a", "model": model.name, "label": True}, "/v1/outcomes"),
        ]
    finally:
        stack.kill("kafka", signal.SIGCONT)
    for answer in answers:
        assert "did not confirm" in assert_refused(answer, 503)
        assert int(answer.headers["retry-after"]) > 0
    wait_until(lambda: model.post(ROW, id="order-1").status_code == 200, "a prediction to be confirmed")
    # Kafka's partitions get their leaders back one by one.
    wait_until(lambda: {each.id for each in model.predictions()} == {"order-1"}, "the prediction in Kafka")


def test_readiness_does_not_hang_on_models(api: Api) -> None:
    assert api.get("/readyz").status_code == 200
