"""A topology is checked when it is made, and can draw itself."""

import pytest

from headrace.streams.topology import Stage, Topology
from tests.unit.headrace.counting import Counting

FIRST = Stage("clean", ("readings.raw", "devices.registry"), Counting(), ("readings.by-item",), "clean-state")
SECOND = Stage("count", ("readings.by-item",), Counting(), ("counts",), "count-state")
BOTH = Topology("process_readings", (FIRST, SECOND))


@pytest.mark.parametrize(
    ("second", "shared"),
    [
        (Stage("clean", ("b",), Counting(), (), "b-state"), "name clean"),
        (Stage("b", ("readings.raw",), Counting(), (), "b-state"), "input readings.raw"),
        (Stage("b", ("b",), Counting(), (), "clean-state"), "changelog clean-state"),
    ],
)
def test_stages_that_would_disturb_each_other_are_refused(second: Stage, shared: str) -> None:
    with pytest.raises(ValueError, match=f"stages of p share the {shared}"):
        Topology("p", (FIRST, second))


def test_a_topic_has_the_stage_that_reads_it() -> None:
    assert BOTH.inputs() == ("readings.raw", "devices.registry", "readings.by-item")
    assert BOTH.stage_of("devices.registry") is FIRST
    assert BOTH.stage_of("readings.by-item") is SECOND


def test_transactional_id_names_one_task_of_one_application() -> None:
    ids = {BOTH.transactional_id(stage, partition) for stage in BOTH.stages for partition in range(4)}
    assert len(ids) == 8
    assert BOTH.transactional_id(FIRST, 3) == "process_readings.clean-3"


def test_description_names_sources_rules_store_and_sinks() -> None:
    assert BOTH.describe().splitlines() == [
        "topology process_readings",
        "  stage clean",
        "    sources  readings.raw, devices.registry",
        "    rules    Counting",
        "    store    counts/1 in clean-state",
        "    sinks    readings.by-item",
        "  stage count",
        "    sources  readings.by-item",
        "    rules    Counting",
        "    store    counts/1 in count-state",
        "    sinks    counts",
    ]


def test_picture_joins_stages_at_the_topic_between_them() -> None:
    lines = BOTH.mermaid().splitlines()
    assert lines[0] == "flowchart LR"
    assert "  clean --> readings_by_item[[readings.by-item]]" in lines
    assert "  readings_by_item[[readings.by-item]] --> count([count<br/>Counting])" in lines
    assert "  count <--> count_state[(count-state)]" in lines
