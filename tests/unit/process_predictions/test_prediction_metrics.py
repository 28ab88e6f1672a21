"""What /metrics says of models."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from headrace.errors import TransientError
from process_predictions.metrics import DeadLetterMetrics, OnlineMetrics, PromotionMetrics, ScoringMetrics
from tests.unit.process_predictions.online_driver import OnlineDriver, daily
from tests.unit.process_predictions.scoring_driver import MODEL, ScoringDriver
from tests.unit.process_predictions.test_scoring import ROWS


def test_quality_is_exported_beside_that_without_a_model() -> None:
    driver = OnlineDriver()
    registry = CollectorRegistry()
    OnlineMetrics(driver.rules.counts, registry)
    driver.feed(daily(24 * 10))
    of = {"service": "process_predictions", "model": "next_hour", "variant": "gradient"}
    value = registry.get_sample_value
    assert value("headrace_online_outcomes_total", of) == len([m for m in driver.made("next_hour") if m.outcome])
    loss, base = (value(f"headrace_online_{name}_total", of) for name in ("loss", "base_loss"))
    assert loss is not None and base is not None and 0 < loss < 0.8 * base
    recent = value("headrace_online_recent_loss", of)
    assert recent is not None and recent == pytest.approx(loss / 238, rel=0.01)
    unusual = {**of, "model": "unusual_hour", "variant": "errors"}
    bins = [sample for metric in registry.collect() for sample in metric.samples if "predicted_share" in sample.name]
    assert sum(each.value for each in bins if each.labels["variant"] == "errors") > 0
    assert value("headrace_online_outcomes_total", unusual) == len(
        [each for each in driver.made("unusual_hour") if each.outcome]
    )
    assert {each.labels["model"] for each in bins} == {"unusual_hour"}


def test_scored_rows_and_versions_are_exported(tmp_path: Path) -> None:
    driver = ScoringDriver(tmp_path)
    registry = CollectorRegistry()
    ScoringMetrics(driver.deployments, driver.counts, registry)
    DeadLetterMetrics([driver.counts.dead_letters], registry)
    driver.promote(driver.maker.make(), shadow=driver.maker.make())
    driver.send(*ROWS, b"{")
    driver.driver.run()
    of = {"service": "process_predictions", "model": MODEL}
    value = registry.get_sample_value
    assert value("headrace_scored_rows_total", {**of, "role": "champion"}) == len(ROWS)
    assert value("headrace_scoring_version", {**of, "role": "shadow"}) == 2
    reason = {"service": "process_predictions", "reason": "malformed_json"}
    assert value("headrace_dead_letters_total", reason) == 1


def test_a_promoted_version_that_cannot_be_loaded_shows_as_in_the_api(tmp_path: Path) -> None:
    """By the names that serve_api has: one alert is about both."""
    driver = ScoringDriver(tmp_path)
    registry = CollectorRegistry()
    ScoringMetrics(driver.deployments, driver.counts, registry)
    of = {"service": "process_predictions", "model": MODEL}

    def not_loaded() -> dict[str, float | None]:
        roles = ("champion", "canary", "shadow")
        return {role: registry.get_sample_value("headrace_model_not_loaded", {**of, "role": role}) for role in roles}

    def loads() -> dict[str, float | None]:
        fates = ("loaded", "refused", "unavailable", "online")
        return {
            fate: registry.get_sample_value("headrace_model_loads_total", {**of, "outcome": fate}) for fate in fates
        }

    good, bad, unreachable = driver.maker.make(), driver.maker.make(), driver.maker.make()
    driver.promote(good)
    assert not_loaded() == {"champion": 0, "canary": 0, "shadow": 0}
    assert loads() == {"loaded": 1, "refused": 0, "unavailable": 0, "online": 0}
    (Path(bad.uri) / "model.onnx").write_bytes(b"")
    driver.promote(bad, shadow=bad)
    assert not_loaded() == {"champion": 1, "canary": 0, "shadow": 1}
    assert loads() == {"loaded": 1, "refused": 2, "unavailable": 0, "online": 0}
    driver.error = TransientError("the store doesn't answer")
    driver.promote(unreachable)
    assert not_loaded() == {"champion": 1, "canary": 0, "shadow": 0}
    assert loads() == {"loaded": 1, "refused": 2, "unavailable": 1, "online": 0}
    driver.error = None
    driver.promote(good)
    assert not_loaded() == {"champion": 0, "canary": 0, "shadow": 0}


def test_promotions_of_a_later_version_show() -> None:
    registry = CollectorRegistry()
    unread = 0
    PromotionMetrics(lambda: unread, registry)
    of = {"service": "process_predictions"}
    assert registry.get_sample_value("headrace_promotions_undecodable", of) == 0
    unread = 1
    assert registry.get_sample_value("headrace_promotions_undecodable", of) == 1


def test_windows_that_nothing_can_be_reckoned_with_are_counted_apart() -> None:
    driver = OnlineDriver()
    registry = CollectorRegistry()
    OnlineMetrics(driver.rules.counts, registry)
    driver.feed([*daily(5), 1.1e100, *daily(5)])
    of = {"service": "process_predictions"}
    assert registry.get_sample_value("headrace_final_windows_total", {**of, "fate": "out_of_range"}) == 1
    assert registry.get_sample_value("headrace_final_windows_total", {**of, "fate": "taken"}) == 10
