"""What model files say of online models and of streams, and what is wrong with them."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.errors import ConfigurationError
from headrace.models.online import SPEC_PARAM, load_online_models, online_model, variant_params
from headrace.models.records import ModelVersion, Promotion
from headrace.models.stream import load_streams
from headrace.replay.replayable import Replay
from process_predictions.online.family import families
from process_predictions.online.rules import OnlineRules
from process_predictions.replayable import replayable
from process_predictions.roles import Roles
from process_predictions.topology import predictions_topology
from tests.unit.process_predictions.online_driver import MODELS, next_hour, shipped

UNUSUAL = {
    "task": "online",
    "predicts": "unusual",
    "forecast": "next/gradient",
    "variants": [{"name": "tail", "version": 1, "pipeline": "sgd_logistic", "features": ["tail"]}],
}


def test_shipped_models_are_one_family() -> None:
    (family,) = families(shipped())
    assert [model.name for model in family.models] == ["next_hour", "unusual_hour"]
    assert family.about[0][0] == "gradient"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"predicts": "median"}, "predicts"),
        ({"period_s": 90}, "period_s: 90 is no multiple of window_s, 60"),
        ({"forecast": "next/gradient"}, "forecast: a model of `unusual` needs one"),
        ({"season": 1}, "season"),
        ({"variants": []}, "variants"),
        ({"variants": [{**UNUSUAL["variants"][0]}]}, "sgd_logistic doesn't predict `mean`"),  # type: ignore[dict-item]
        ({"rate": 1}, "rate: Extra inputs"),
    ],
)
def test_a_wrong_file_names_the_field(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message.replace("(", r"\(")):
        next_hour(**changes)


def test_unknown_features_and_forecasts_are_named(tmp_path: Path) -> None:
    variant = {"name": "a", "version": 1, "pipeline": "sgd_linear", "features": ["moon"]}
    with pytest.raises(ConfigurationError, match="moon not known; known are change_1"):
        next_hour(variants=[variant])
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump(UNUSUAL))
    with pytest.raises(ConfigurationError, match="there is no next/gradient"):
        load_online_models(tmp_path)


def test_other_models_in_the_folder_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "churn.yaml").write_text("task: classification\nstream: {topic: sources.telco, id: customer}\n")
    assert load_online_models(tmp_path) == ()
    assert load_streams(tmp_path)["churn"].topic == "sources.telco"
    (tmp_path / "again.yaml").write_text("task: classification\nstream: {topic: sources.telco}\n")
    with pytest.raises(ConfigurationError, match=r"again scores sources\.telco already"):
        load_streams(tmp_path)
    (tmp_path / "again.yaml").write_text("task: classification\nstream: {column: a}\n")
    with pytest.raises(ConfigurationError, match=r"again.yaml: stream: topic: Field required"):
        load_streams(tmp_path)


def test_a_variant_in_the_registry_says_all_that_makes_it() -> None:
    model = shipped()[0]
    content = json.loads(str(variant_params(model, model.variants[1])[SPEC_PARAM]))
    again = online_model(content.pop("name"), content)
    assert again.variants == (model.variants[1],)
    assert again.variant_signature(again.variants[0]) == model.variant_signature(model.variants[1])


def test_a_promotion_makes_the_champion_and_one_of_an_unknown_version_none() -> None:
    roles = Roles(shipped())
    assert (roles.get("next_hour", 1), roles.get("next_hour", 2)) == ("champion", "shadow")
    roles.take(promotion("next_hour", 2))
    assert (roles.get("next_hour", 1), roles.get("next_hour", 2)) == ("shadow", "champion")
    roles.take(promotion("next_hour", 9))
    roles.take(promotion("churn", 1))
    assert (roles.get("next_hour", 1), roles.get("next_hour", 2)) == ("shadow", "champion")
    assert roles.get("unusual_hour", 1) == "champion"


def promotion(model: str, version: int) -> Promotion:
    return Promotion(model, 1, ModelVersion(version, "file:///nowhere", "0"), 1_700_000_000_000_000)


def test_the_online_stage_can_be_replayed_beside_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCESS_PREDICTIONS_MODELS", str(MODELS))
    service = replayable("127.0.0.1:1")
    assert service.inputs() == ("readings.windows",)
    live = predictions_topology("process_predictions", OnlineRules((), Roles(()).get), {}, "v2")
    replay = Replay("127.0.0.1:1", service, "v2").topology
    assert replay.stages[0].outputs == ("predictions.made.v2", "predictions.outcomes.v2")
    assert live.stages[0].changelog == replay.stages[0].changelog == "process_predictions.changelog.v2"
    assert live.transactional_id(live.stages[0], 0) == "process_predictions.v2.online-0"
