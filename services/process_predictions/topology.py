"""What process_predictions reads, writes and remembers, as a topology."""

from collections.abc import Mapping

from headrace.models.records import MADE, OUTCOMES
from headrace.models.stream import Stream
from headrace.streams.topology import Stage, Topology
from headrace.streams.versions import versioned, with_version
from process_predictions.online.rules import OnlineRules
from process_predictions.scoring.rules import ScoringRules

WINDOWS = "readings.windows"
CHANGELOG = "process_predictions.changelog"


def online_stage(rules: OnlineRules) -> Stage:
    """Windows in; predictions and outcomes out."""
    return Stage("online", (WINDOWS,), rules, (MADE, OUTCOMES), CHANGELOG)


def scoring_stage(model: str, stream: Stream, rules: ScoringRules) -> Stage:
    """Rows in; predictions out."""
    return Stage(f"scoring.{model}", (stream.topic,), rules, (MADE,), scoring_changelog(model))


def scoring_changelog(model: str) -> str:
    """The topic of the checkpoints of a model's stream, with as many partitions as the stream."""
    return versioned(CHANGELOG, model)


def online_topology(group: str, rules: OnlineRules) -> Topology:
    """The part that can be replayed: scored topics have nothing to remember."""
    return Topology(group, (online_stage(rules),))


def predictions_topology(
    group: str, online: OnlineRules | None, scoring: Mapping[str, tuple[Stream, ScoringRules]], version: str = ""
) -> Topology:
    """The online models in one stage, and a stage for each model that scores a topic.

    Args:
        version: of the online models' state; the name of the replay that made it.
    """
    stages = () if online is None else with_version(online_topology(group, online), version).stages
    return Topology(group, (*stages, *(scoring_stage(name, *parts) for name, parts in scoring.items())))
