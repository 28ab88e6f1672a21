"""River pipelines as plain numbers: restored in the middle they go on as if nothing had been."""

import random

import pytest

from headrace.models.online import MEAN_FEATURES, UNUSUAL_FEATURES, Variant
from process_predictions.online.pipelines import OnlinePipeline, make_pipeline

VARIANTS = {
    "sgd_linear": Variant(name="a", version=1, pipeline="sgd_linear", features=MEAN_FEATURES),
    "bayesian_linear": Variant(name="b", version=1, pipeline="bayesian_linear", features=MEAN_FEATURES),
    "three_features": Variant(name="b", version=1, pipeline="bayesian_linear", features=MEAN_FEATURES[:3]),
    "sgd_logistic": Variant(
        name="c", version=1, pipeline="sgd_logistic", features=UNUSUAL_FEATURES, learning_rate=0.03
    ),
}


def run(pipeline: OnlinePipeline, variant: Variant, rows: range, restore_every: int = 0) -> list[float]:
    """Predict, then learn; where asked, from a new pipeline again and again."""
    found = []
    for row in rows:
        numbers = random.Random(row)
        features = {name: numbers.gauss(at, at + 1.0) for at, name in enumerate(variant.features)}
        found.append(pipeline.predict(features))
        outcome = features[variant.features[0]] + numbers.gauss(0, 0.1)
        pipeline.learn(features, outcome > 0 if variant.pipeline == "sgd_logistic" else outcome)
        if restore_every and row % restore_every == 0:
            content = pipeline.pack()
            pipeline = make_pipeline(variant, 0.02)
            pipeline.restore(content)
    return found


@pytest.mark.parametrize("name", VARIANTS)
def test_restored_pipeline_goes_on_to_the_bit(name: str) -> None:
    variant = VARIANTS[name]
    whole = run(make_pipeline(variant, 0.02), variant, range(300))
    assert run(make_pipeline(variant, 0.02), variant, range(300), restore_every=7) == whole
    assert len(set(whole)) > 250, "it learned nothing"


@pytest.mark.parametrize("name", VARIANTS)
def test_pipeline_that_learned_nothing_is_kept_too(name: str) -> None:
    variant = VARIANTS[name]
    restored = make_pipeline(variant, 0.02)
    restored.restore(make_pipeline(variant, 0.02).pack())
    assert run(restored, variant, range(50)) == run(make_pipeline(variant, 0.02), variant, range(50))


@pytest.mark.parametrize("name", VARIANTS)
def test_state_of_another_size_is_refused(name: str) -> None:
    pipeline = make_pipeline(VARIANTS[name], 0.02)
    run(pipeline, VARIANTS[name], range(3))
    with pytest.raises(ValueError, match="no "):
        make_pipeline(VARIANTS[name], 0.02).restore(pipeline.pack()[:-8])


def test_state_is_small() -> None:
    for variant in VARIANTS.values():
        pipeline = make_pipeline(variant, 0.02)
        run(pipeline, variant, range(10))
        assert len(pipeline.pack()) <= 500


def test_years_of_nothing_new_break_no_least_squares() -> None:
    variant = Variant(name="b", version=1, pipeline="bayesian_linear", features=("sin", "cos"), forgetting=0.51)
    pipeline = make_pipeline(variant, 0.02)
    for _ in range(3_000):
        pipeline.learn({"sin": 0.0, "cos": 0.0}, 0.0)
        assert pipeline.predict({"sin": 0.0, "cos": 0.0}) == pipeline.predict({"sin": 0.0, "cos": 0.0})
