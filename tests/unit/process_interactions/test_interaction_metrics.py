"""What process_interactions exports and registers for a replay."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from headrace.replay.replayable import Replay
from process_interactions.metrics import SubjectMetrics
from process_interactions.replayable import replayable
from tests.unit.process_interactions.subjects_driver import MINUTE, T0, SubjectsDriver, answer, interaction


def metrics_of(driver: SubjectsDriver) -> list[str]:
    registry = CollectorRegistry()
    SubjectMetrics(driver.rules.counts, registry)
    return generate_latest(registry).decode().splitlines()


def test_click_through_and_conversion_are_told_by_arm() -> None:
    driver = SubjectsDriver()
    driver.take(answer("r", "ab", arms={"variety": "varied"}))
    driver.take(interaction("impression", "a"), interaction("click", "a"), interaction("purchase", "a", value=3.0))
    driver.tick(T0 + 30 * MINUTE)
    found = metrics_of(driver)
    labels = '{arm="variety/varied",service="process_interactions",source="trending",surface="home"}'
    for name, value in {
        "exposures": 2.0,
        "seen_exposures": 1.0,
        "clicked_exposures": 1.0,
        "bought_exposures": 1.0,
        "exposure_rewards": 5.0,
    }.items():
        assert f"headrace_{name}_total{labels} {value}" in found


def test_interactions_are_told_by_kind_and_fate_from_zero_on() -> None:
    driver = SubjectsDriver()
    driver.take(interaction("cart", id="one"), interaction("cart", id="one"))
    found = metrics_of(driver)
    for fate, value in {"taken": 1.0, "duplicate": 1.0, "flagged": 0.0, "without_consent": 0.0, "erased": 0.0}.items():
        labels = f'{{fate="{fate}",kind="cart",service="process_interactions"}}'
        assert f"headrace_interactions_total{labels} {value}" in found


def test_surfaces_and_sources_that_are_made_up_dont_grow_the_metrics() -> None:
    driver = SubjectsDriver()
    for number in range(1_200):
        driver.send(answer(f"r{number}", "a", surface=f"s{number}", subject=f"{number:_<22}"))
    driver.tick(T0 + 30 * MINUTE)
    found = [line for line in metrics_of(driver) if line.startswith("headrace_exposures_total{")]
    assert len(found) == 1_001
    assert sum(float(line.rpartition(" ")[2]) for line in found) == 1_200


def test_both_stages_can_be_replayed() -> None:
    service = replayable("127.0.0.1:1")
    assert service.inputs() == ("interactions.raw", "recommendations.made", "subjects.erased")
    replay = Replay("127.0.0.1:1", service, "again")
    assert replay.topology.inputs()[-2:] == ("interactions.lessons.again", "interactions.exposures.again")
    assert replay.names["interactions.features"] == "interactions.features.again"
