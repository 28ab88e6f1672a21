"""The plan of a replay: what the same command may go on with."""

import pytest

from headrace.errors import ConfigurationError
from headrace.replay.plan import Phase, Plan, offsets_in


def plan(phase: Phase = "replaying") -> Plan:
    ranges = {"in": [(5, 10), (0, 0)]}
    return Plan("v2", "in", "2026-11-20T00:00:00Z", "now", 1_000_000, 2_000_000, ranges, {"in": "id"}, phase, 0)


def test_same_command_goes_on() -> None:
    plan().check_is_asked("in", "2026-11-20T00:00:00Z", "now")
    plan("replayed").check_is_asked("in", "2026-11-20T00:00:00Z", "now")


@pytest.mark.parametrize(
    ("topic", "since", "until"),
    [
        ("other", "2026-11-20T00:00:00Z", "now"),
        ("in", "start", "now"),
        ("in", "2026-11-20T00:00:00Z", "2026-11-24T00:00:00Z"),
    ],
)
def test_another_range_under_the_name_is_refused_with_the_first_one(topic: str, since: str, until: str) -> None:
    with pytest.raises(ConfigurationError, match="replay v2 is of in --from 2026-11-20T00:00:00Z --to now"):
        plan().check_is_asked(topic, since, until)


@pytest.mark.parametrize("phase", ["switching", "switched"])
def test_replay_that_is_switched_to_is_not_run_again(phase: Phase) -> None:
    with pytest.raises(ConfigurationError, match=f"v2 is {phase}"):
        plan(phase).check_is_asked("in", "2026-11-20T00:00:00Z", "now")


@pytest.mark.parametrize("now", [["in", "new"], ["new"], []])
def test_replay_that_another_version_began_with_other_inputs_is_refused(now: list[str]) -> None:
    plan().check_inputs(["in"])
    with pytest.raises(ConfigurationError, match=r"replay v2 is of in, .*headrace replay drop v2"):
        plan().check_inputs(now)


def test_ranges_move_to_where_the_replay_is() -> None:
    moved = plan().done_to({("in", 0): 17, ("in", 1): 3, ("internal", 0): 9}, until_us=7)
    assert moved.until_us == 7
    assert moved.ranges == {"in": [(5, 17), (0, 3)]}
    assert (offsets_in(plan().ranges), offsets_in(moved.ranges)) == (5, 15)
