"""Which versions of online models the gates let through, on losses that are made up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from headrace.errors import ConfigurationError
from headrace.models.online import OnlineModel, online_model
from train_models.online.block_losses import Array, BlockLosses, block_bootstrap
from train_models.online.online_gates import FEWEST_BLOCKS, online_verdict

DAYS, SERIES = 30, 20
VARIANT = {"name": "one", "version": 1, "pipeline": "sgd_linear", "features": ["change_1"]}
CHANCE = {"name": "one", "version": 1, "pipeline": "sgd_logistic", "features": ["tail"]}


def _mean(**changes: Any) -> OnlineModel:
    return online_model("hour", {"task": "online", "predicts": "mean", "variants": [VARIANT], **changes})


def _unusual() -> OnlineModel:
    content = {"task": "online", "predicts": "unusual", "forecast": "hour/one", "variants": [CHANCE]}
    return online_model("rare", content)


def _losses(mean: float, days: int = DAYS, seed: int = 1) -> Array:
    """Sums of a day's periods."""
    random = np.random.default_rng(seed)
    losses: Array = 24 * SERIES * (mean + random.normal(0, 0.05, days))
    return losses


def _blocks(
    own: float, before: float, base: float = 1.0, days: int = DAYS, periods: float = 24 * SERIES, came: float = 10.0
) -> BlockLosses:
    count = np.full(days, periods)
    of = {2: _losses(own, days), 1: _losses(before, days, seed=2)}
    return BlockLosses(np.arange(days) * 86_400.0, count, np.full(days, came), _losses(base, days, seed=3), of)


def test_one_that_is_better_beyond_chance_passes() -> None:
    verdict = online_verdict(_mean(), _blocks(0.7, 0.8), 2, 1)
    assert verdict.passed
    decides, told = verdict.gates
    assert (
        decides.name == "better than version 1"
        and "MASE 0.6967" in decides.detail
        and "14,400 periods" in decides.detail
    )
    assert told.name == "better than the last value" and told.passed is None


@pytest.mark.parametrize("own", [0.8, 0.9])
def test_one_that_is_no_better_does_not(own: float) -> None:
    assert online_verdict(_mean(), _blocks(own, 0.8), 2, 1).failed == ("better than version 1",)


def test_the_file_says_how_sure_it_has_to_be() -> None:
    blocks = _blocks(0.775, 0.8)
    assert online_verdict(_mean(alpha=0.2), blocks, 2, 1).passed
    assert not online_verdict(_mean(alpha=0.0001), blocks, 2, 1).passed


def test_without_a_champion_it_has_to_beat_the_last_value() -> None:
    assert online_verdict(_mean(), _blocks(0.8, 0.8), 2, None).passed
    assert online_verdict(_mean(), _blocks(1.2, 0.8), 2, None).failed == ("better than the last value",)


def test_too_little_is_refused_with_how_much_there_is() -> None:
    verdict = online_verdict(_mean(), _blocks(0.1, 0.8, days=FEWEST_BLOCKS - 1), 2, 1)
    assert not verdict.passed
    assert "6,240 periods" in verdict.gates[0].detail and "in 13 blocks of 24 periods" in verdict.gates[0].detail
    assert online_verdict(_mean(), _blocks(0.1, 0.8, days=FEWEST_BLOCKS), 2, 1).passed
    assert not online_verdict(_mean(), _blocks(0.1, 0.8, periods=1.0), 2, 1).passed, "30 periods"
    none = np.zeros(0)
    nothing = BlockLosses(none, none, none, none, {2: none, 1: none})
    assert "0 periods" in online_verdict(_mean(), nothing, 2, 1).gates[0].detail


def test_a_probability_needs_periods_that_were_unusual() -> None:
    verdict = online_verdict(_unusual(), _blocks(0.1, 0.8, came=0.2), 2, 1)
    assert not verdict.passed and "6 unusual periods" in verdict.gates[0].detail
    told = online_verdict(_unusual(), _blocks(0.1, 0.8, came=1.0), 2, 1)
    assert (
        told.passed
        and "log loss 0.0967" in told.gates[0].detail
        and told.gates[1].name == "better than the share so far"
    )


def test_roots_are_compared_where_the_file_says_rmse() -> None:
    blocks = _blocks(0.64, 0.81)
    verdict = online_verdict(_mean(metric="rmse"), blocks, 2, 1)
    assert f"RMSSE {np.sqrt(blocks.of[2].sum() / blocks.count):.4f}" in verdict.gates[0].detail


@pytest.mark.parametrize(("predicts", "metric"), [(_mean, "log_loss"), (_mean, "accuracy")])
def test_a_metric_of_something_else_is_refused(predicts: Any, metric: str) -> None:
    with pytest.raises(ConfigurationError, match="metric"):
        predicts(metric=metric)


def test_what_all_series_share_is_not_counted_as_evidence_of_each() -> None:
    """Two forecasts that are as good, and hours that are worse for one of them on every device at once."""
    of_blocks, of_periods = [], []
    count = np.full(DAYS, 24.0 * SERIES)
    for seed in range(100):
        random = np.random.default_rng(seed)
        losses = 1 + random.normal(0, 1, (DAYS, 24, 1)) + random.normal(0, 1, (DAYS, 24, SERIES))
        own = losses.sum(axis=(1, 2))
        blocks = BlockLosses(np.arange(DAYS) * 86_400.0, count, count * 0, count, {1: own})
        of_blocks.append(block_bootstrap(blocks, own, count, False, draws=400).p_value < 0.05)
        of_periods.append(ttest_1samp(losses.ravel(), 1.0).pvalue < 0.05)
    assert np.mean(of_blocks) < 0.12
    assert np.mean(of_periods) > 0.4


def test_the_interval_holds_the_difference_and_less_is_better() -> None:
    blocks = _blocks(0.7, 0.8)
    test = block_bootstrap(blocks, blocks.of[2], blocks.of[1], False)
    assert test.low < test.difference < test.high < 0 < test.gain
    assert test.difference == pytest.approx(-0.1, abs=0.02)
    assert block_bootstrap(blocks, blocks.of[2], blocks.of[2], False).p_value == 1.0
