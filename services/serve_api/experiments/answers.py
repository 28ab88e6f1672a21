"""What is answered about experiments, as typed dictionaries."""

from typing import Annotated

from pydantic import Field, JsonValue, with_config
from typing_extensions import TypedDict

from headrace.experiments import results_examples as examples
from headrace.experiments.results import Decision, Results

_ROW: JsonValue = {
    "experiment": "home_variety",
    "about": "Whether more variety on the shop's first page gets more people to click.",
    "revision": 1,
    "state": "running",
    "start": "2026-01-01T00:00:00.000000Z",
    "end": "2026-03-01T00:00:00.000000Z",
    "arms": ["as_ranked", "varied"],
    "people": 10814,
    "primary": "clicked",
    "decision": examples.DECISION,
}


@with_config(examples.example(_ROW))
class ExperimentRow(TypedDict):
    """An experiment in short."""

    experiment: str
    about: str
    revision: int
    state: Annotated[str, Field(description="running, paused or ended")]
    start: str
    end: str | None
    arms: list[str]
    people: Annotated[int, Field(description="Who were exposed, in all arms")]
    primary: Annotated[str, Field(description="The metric by which it is decided")]
    decision: Decision


@with_config(examples.example({"items": [_ROW]}))
class ExperimentList(TypedDict):
    """All experiments of the site."""

    items: list[ExperimentRow]


def experiment_row(found: Results) -> ExperimentRow:
    return {
        "experiment": found.experiment,
        "about": found.about,
        "revision": found.revision,
        "state": found.state,
        "start": found.start,
        "end": found.end,
        "arms": [each.arm for each in found.arms],
        "people": sum(each.enrolled for each in found.arms),
        "primary": found.primary,
        "decision": found.decision,
    }
