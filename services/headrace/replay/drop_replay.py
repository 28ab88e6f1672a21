"""Deletes what a replay wrote, but for the state that the service runs on."""

from headrace.errors import ConfigurationError
from headrace.replay.fence import fence
from headrace.replay.groups import Group
from headrace.replay.plan import Plan
from headrace.replay.plans import Plans
from headrace.replay.replayable import Replay
from headrace.replay.versioned_topics import VersionedTopics
from headrace.streams.versions import internal_names


def is_live(replay: Replay, plans: dict[str, Plan]) -> bool:
    """Whether the service runs on the replay's state, or may be about to: it is the last that was switched to."""
    mine = plans[replay.name]
    if replay.service.version == replay.name:
        return True
    switched = [plan for plan in plans.values() if plan.topic == mine.topic and plan.phase == "switched"]
    return bool(switched) and max(switched, key=lambda plan: plan.changed_us).name == replay.name


def topics_to_drop(replay: Replay, plans: dict[str, Plan]) -> list[str]:
    """The topics that `drop_replay` deletes."""
    kept: set[str] = set()
    if is_live(replay, plans):
        kept = {*replay.changelogs.values(), *internal_names(replay.service.topology, replay.name).values()}
    mine = [*replay.names.values(), *replay.changelogs.values()]
    return sorted(VersionedTopics(replay.brokers).existing(topic for topic in mine if topic not in kept))


def drop_replay(replay: Replay, plans: dict[str, Plan]) -> list[str]:
    """Deletes a replay, which ends a process that still runs it; returns the names of the deleted topics.

    The plan goes last, so that what is left over after a kill goes with the next try. That of a live version stays.

    Raises:
        ConfigurationError: workers run on it without a complete switch.
    """
    live = is_live(replay, plans)
    if live and plans[replay.name].phase != "switched":
        raise ConfigurationError(f"the service runs on {replay.name} ({replay.service.setting}) and it is not switched")
    if not live:
        fence(replay.brokers, replay.topology)
    topics = VersionedTopics(replay.brokers)
    deleted = topics.delete(topics_to_drop(replay, plans))
    Group(replay.brokers, replay.topology.name).delete()
    if not live:
        Plans(replay.brokers).delete(replay.name)
    return deleted
