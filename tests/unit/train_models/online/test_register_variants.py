"""Numbers of variants, and what stands for one in the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.errors import ConfigurationError
from headrace.models.manifest import Manifest
from headrace.models.online import OnlineModel, online_model
from tests.unit.process_predictions.online_driver import MODELS, shipped
from train_models.online.online_file import find_online_model, variant_of
from train_models.online.register_variants import missing_variants
from train_models.online.variant_card import variant_card
from train_models.online.variant_manifest import variant_content, variant_manifest

HOUR, UNUSUAL = shipped()


def _model(*versions: int, **changes: Any) -> OnlineModel:
    variants = [
        {"name": f"v{version}", "version": version, "pipeline": "sgd_linear", "features": ["change_1"], **changes}
        for version in versions
    ]
    return online_model("hour", {"task": "online", "predicts": "mean", "variants": variants})


def _registered(model: OnlineModel) -> dict[int, str]:
    return {variant.version: variant_content(model, variant) for variant in model.variants}


def test_what_is_missing_is_registered_in_the_order_of_its_numbers() -> None:
    assert [each.version for each in missing_variants(_model(3, 1, 2), {})] == [1, 2, 3]
    assert [each.version for each in missing_variants(_model(3, 2), _registered(_model(1, 2)))] == [3]
    assert missing_variants(_model(1, 2), _registered(_model(1, 2))) == ()


@pytest.mark.parametrize(("wanted", "there", "free"), [((2,), (), 1), ((1, 3), (1,), 2), ((4,), (1, 2), 3)])
def test_a_number_that_the_registry_would_not_give_is_refused(
    wanted: tuple[int, ...], there: tuple[int, ...], free: int
) -> None:
    registered = _registered(_model(*there)) if there else {}
    with pytest.raises(ConfigurationError, match=f"give it version {free}"):
        missing_variants(_model(*wanted), registered)


def test_a_variant_that_changed_needs_another_number() -> None:
    with pytest.raises(ConfigurationError, match="takes version 3"):
        missing_variants(_model(1, 2, learning_rate=0.5), _registered(_model(1, 2)))


def test_a_manifest_says_what_is_learned_and_holds_no_weights() -> None:
    manifest = _manifest(HOUR)
    assert (manifest.algorithm, manifest.task, manifest.label, manifest.threshold) == (
        "river",
        "regression",
        "mean",
        None,
    )
    assert [each.name for each in manifest.inputs] == list(HOUR.variants[0].features)
    spec = manifest.params["spec"]
    assert isinstance(spec, str) and '"pipeline": "sgd_linear"' in spec and '"bayesian"' not in spec
    rare = _manifest(UNUSUAL)
    assert (rare.task, rare.positive, rare.threshold) == ("classification", "true", None)
    assert rare.content_sha256 != _manifest(UNUSUAL, 1).content_sha256


def test_words_about_a_model_make_no_other_variant() -> None:
    before = variant_content(HOUR, HOUR.variants[0])
    assert variant_content(HOUR.model_copy(update={"about": "Other", "alpha": 0.1}), HOUR.variants[0]) == before
    assert variant_content(HOUR.model_copy(update={"season": 12}), HOUR.variants[0]) != before


def test_the_card_says_what_and_how() -> None:
    card = variant_card(UNUSUAL, UNUSUAL.variants[0])
    assert card.startswith("# unusual_hour, version 1: errors") and "2.00%" in card
    assert "next_hour/gradient" in card and "LogisticRegression" in card and "`recent_errors`" in card
    assert "Prequentially" in card and "log loss" in card


def test_what_is_about_a_forecast_has_its_periods(tmp_path: Path) -> None:
    for name in ("next_hour", "unusual_hour"):
        content = yaml.safe_load((MODELS / f"{name}.yaml").read_text())
        (tmp_path / f"{name}.yaml").write_text(
            yaml.safe_dump(content | ({"season": 12} if name == "next_hour" else {}))
        )
    found = find_online_model("unusual_hour", tmp_path)
    assert found is not None and found.season == 12
    assert find_online_model("nothing", tmp_path) is None and find_online_model("telco_churn", MODELS) is None


def test_a_version_that_the_file_has_not_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"no variant with version 7.*it has 1, 2"):
        variant_of(HOUR, 7)


def _manifest(model: OnlineModel, at: int = 0) -> Manifest:
    return variant_manifest(model, model.variants[at], 1, "0.1.0", "0.26")
