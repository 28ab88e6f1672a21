"""Starts a replay, or finds that one of its name has begun and goes on."""

import re

from headrace.clock import Clock
from headrace.errors import ConfigurationError
from headrace.replay.moments import NOW, START, moment_us
from headrace.replay.plan import Plan, Ranges, offsets_in
from headrace.replay.plans import Plans
from headrace.replay.ranges import find_ranges
from headrace.replay.replayable import Replay
from headrace.replay.versioned_topics import VersionedTopics
from headrace.streams.topic_checks import check_topics

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def check_name(name: str) -> None:
    """Raises ConfigurationError unless the name can end a topic's name."""
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} can't name a replay: give lower-case letters, digits, - and _, at most 40, such as v2"
        )


def start_replay(replay: Replay, topic: str, since: str, until: str, clock: Clock) -> Plan:
    """The plan of a replay, new or begun before, with its topics made.

    Args:
        since, until: parsed moments.

    Raises:
        ConfigurationError: the name, the range or a topic does not allow it; says what to give.
    """
    check_name(replay.name)
    plans = Plans(replay.brokers)
    plan = plans.load().get(replay.name)
    if plan is not None:
        plan.check_is_asked(topic, since, until)
        plan.check_inputs(replay.service.inputs())
    else:
        plan = _new_plan(replay, topic, since, until, clock.now_us())
        plans.save(plan)
    VersionedTopics(replay.brokers).create(_topics(replay))
    return plan


def _topics(replay: Replay) -> dict[str, str]:
    """Live topic → topic of the replay, of all that a replay writes."""
    return {**replay.names, **replay.changelogs}


def _new_plan(replay: Replay, topic: str, since: str, until: str, now_us: int) -> Plan:
    since_us, until_us = moment_us(since, now_us), moment_us(until, now_us)
    if until == START or since_us >= until_us:
        raise ConfigurationError(f"nothing lies between --from {since} and --to {until}")
    _check_topics(replay)
    inputs = replay.service.inputs()
    ranges = _ranges(replay, since_us, None if until == NOW else until_us)
    if offsets_in({topic: ranges[topic] for topic in inputs if topic not in _tables(replay)}) == 0:
        raise ConfigurationError(f"the brokers hold no record of {', '.join(inputs)} from {since} to {until}")
    ids = VersionedTopics(replay.brokers).ids(inputs)
    return Plan(replay.name, topic, since, until, since_us, until_us, ranges, ids, "replaying", now_us)


def _ranges(replay: Replay, since_us: int, until_us: int | None) -> Ranges:
    """Of streams the records of the span, of tables all that came before its end: they are joined to both."""
    inputs = replay.service.inputs()
    tables = _tables(replay)
    streams = [topic for topic in inputs if topic not in tables]
    return {
        **find_ranges(replay.brokers, streams, since_us, until_us),
        **find_ranges(replay.brokers, tables, 0, until_us),
    }


def _tables(replay: Replay) -> list[str]:
    topology = replay.service.topology
    return [topic for topic in replay.service.inputs() if topic in topology.stage_of(topic).tables]


def _check_topics(replay: Replay) -> None:
    """Refuses topics of these names that no plan knows, as they may be anybody's, and live topics that are missing."""
    names = _topics(replay)
    found = VersionedTopics(replay.brokers).existing([*names, *names.values()])
    if strangers := sorted(set(names.values()) & set(found)):
        raise ConfigurationError(
            f"topic {', '.join(strangers)} exists and belongs to no replay: give another --into, or delete it"
        )
    if missing := [live for live in names if live not in found]:
        raise ConfigurationError(f"topic {', '.join(missing)} does not exist; run python -m headrace.topics")
    check_topics(replay.brokers, replay.live)
