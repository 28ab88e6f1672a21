"""Topic patterns."""

import pytest

from ingest_mqtt.topic_pattern import TopicPattern, fill


@pytest.mark.parametrize(
    ("pattern", "topic", "names"),
    [
        ("devices/{device}/telemetry", "devices/m1/telemetry", {"device": "m1"}),
        ("devices/{device}/telemetry", "devices/a/b/telemetry", None),
        ("devices/{device}/telemetry", "devices//telemetry", None),
        ("tele/{device...}/{message}", "tele/Hof/Lager/SENSOR", {"device": "Hof/Lager", "message": "SENSOR"}),
        ("tele/{device...}/{message}", "tele/SENSOR", None),
        ("zigbee2mqtt/{device...}/set", "zigbee2mqtt/attic/lamp/set", {"device": "attic/lamp"}),
        ("a/+/c", "a/b/c", {}),
        ("a/+/c", "a//c", {}),
        ("a/#", "a", {}),
        ("a/#", "a/b/c", {}),
        ("a/#", "ab", None),
        ("#", "a/b", {}),
        ("#", "$SYS/broker/uptime", None),
        ("+/broker", "$SYS/broker", None),
        ("{site}/x", "$SYS/x", None),
        ("$SYS/{x}", "$SYS/x", {"x": "x"}),
        ("a.c/{x}", "abc/x", None),
        ("{x...}", "line\nbreak/y", {"x": "line\nbreak/y"}),
    ],
)
def test_matches_like_mqtt_with_names(pattern: str, topic: str, names: dict[str, str] | None) -> None:
    assert TopicPattern(pattern).match(topic) == names


@pytest.mark.parametrize("pattern", ["a/b+", "a/#/b", "a/{Device}", "a/x{device}", "{a}/{a}", "a/{device..}"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"level|twice"):
        TopicPattern(pattern)


def test_a_template_takes_names_and_nothing_of_python() -> None:
    assert fill("{hub}/{room}", {"hub": "h", "room": "{hub}"}) == "h/{hub}"
