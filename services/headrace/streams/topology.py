"""What a processor is made of: stages, each with input topics, rules, state and outputs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from headrace.streams.batch import Cells, Rules


@dataclass(frozen=True)
class Stage:
    """Rules over co-partitioned inputs, with one changelog.

    A stage runs as one task per partition number: that partition of all inputs, one state, one producer.

    Args:
        name: unique within its topology; part of the transactional ids, so a change of it starts anew.
        inputs: topics with equal partition counts, keyed alike.
        rules: pure rules.
        outputs: topics that the rules write, besides dead letters.
        tables: those of `inputs` that the others are joined to. A task reads what is there of them before anything
            else; afterwards all inputs come as they are appended, a row that is late by a moment included.
        changelog: compacted topic with as many partitions as the inputs; only this stage writes it.
        new_cells: makes the mapping that a changelog is read into and that `KeyedCells` keep their contents in: memory,
            or `disk_cells.DiskCells` for more than it holds.
    """

    name: str
    inputs: tuple[str, ...]
    rules: Rules[Any]
    outputs: tuple[str, ...]
    changelog: str
    new_cells: Callable[[], Cells] = dict
    tables: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if strangers := sorted(set(self.tables) - set(self.inputs)):
            raise ValueError(f"tables of stage {self.name} are not among its inputs: {', '.join(strangers)}")

    @property
    def streams(self) -> tuple[str, ...]:
        """The inputs that are no tables."""
        return tuple(topic for topic in self.inputs if topic not in self.tables)


@dataclass(frozen=True)
class Topology:
    """The stages of one processor. A topic that one stage writes and another reads is a repartition by another key.

    Args:
        name: consumer group and first part of the transactional ids.
    """

    name: str
    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        names = [stage.name for stage in self.stages]
        inputs = [topic for stage in self.stages for topic in stage.inputs]
        changelogs = [stage.changelog for stage in self.stages]
        for what, values in (("name", names), ("input", inputs), ("changelog", changelogs)):
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                raise ValueError(f"stages of {self.name} share the {what} {', '.join(twice)}")

    def inputs(self) -> tuple[str, ...]:
        """All input topics."""
        return tuple(topic for stage in self.stages for topic in stage.inputs)

    def stage_of(self, topic: str) -> Stage:
        """The stage that reads a topic."""
        return next(stage for stage in self.stages if topic in stage.inputs)

    def transactional_id(self, stage: Stage, partition: int) -> str:
        """That of a task; whoever has it owns the task."""
        return f"{self.name}.{stage.name}-{partition}"

    def describe(self) -> str:
        """The topology as text: sources, rules, stores and sinks of each stage."""
        return "\n".join([f"topology {self.name}", *(line for stage in self.stages for line in _lines(stage))])

    def mermaid(self) -> str:
        """The topology as a Mermaid flow chart, which GitHub and most editors draw."""
        lines = ["flowchart LR"]
        for stage in self.stages:
            rules = f"{stage.name}([{stage.name}<br/>{type(stage.rules).__name__}])"
            lines += [f"  {_id(topic)}[[{topic}]] --> {rules}" for topic in stage.streams]
            lines += [f"  {_id(topic)}[({topic})] --> {rules}" for topic in stage.tables]
            lines += [f"  {stage.name} --> {_id(topic)}[[{topic}]]" for topic in stage.outputs]
            lines.append(f"  {stage.name} <--> {_id(stage.changelog)}[({stage.changelog})]")
        return "\n".join(lines)


def _lines(stage: Stage) -> Iterator[str]:
    yield f"  stage {stage.name}"
    yield f"    sources  {', '.join(stage.streams)}"
    if stage.tables:
        yield f"    tables   {', '.join(stage.tables)}"
    yield f"    rules    {type(stage.rules).__name__}"
    yield f"    store    {stage.rules.state_schema} in {stage.changelog}"
    yield f"    sinks    {', '.join(stage.outputs)}"


def _id(topic: str) -> str:
    return topic.replace(".", "_").replace("-", "_")
