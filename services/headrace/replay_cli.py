"""`headrace replay`: the rules of a service over history, into versioned outputs; then switch to them, or drop them."""

import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from headrace.clock import SystemClock
from headrace.deadletters_cli import DEFAULT_BROKERS, Brokers
from headrace.replay.drop_replay import drop_replay, topics_to_drop
from headrace.replay.interrupt import INTERRUPTED, stop_on_signals
from headrace.replay.moments import parse_moment, show_us
from headrace.replay.pace import Pace
from headrace.replay.partition_replay import Shared
from headrace.replay.plan import Plan, offsets_in
from headrace.replay.plans import Plans
from headrace.replay.progress import progress_view
from headrace.replay.ranges import find_ranges
from headrace.replay.replay_run import ReplayRun
from headrace.replay.replayable import Replay, find_replayable
from headrace.replay.stage_replay import Outcome
from headrace.replay.start_replay import check_name, start_replay
from headrace.replay.status import output_counts, partition_status
from headrace.replay.switch import Switch

Name = Annotated[str, typer.Argument(help="The replay's name, as --into gave it")]


class _RunByDefault(typer.core.TyperGroup):
    """`headrace replay TOPIC …` is `headrace replay run TOPIC …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_RunByDefault,
    help="Runs a service's rules over the history of a topic, beside the live service. "
    "`headrace replay TOPIC ...` is `headrace replay run TOPIC ...`.",
    no_args_is_help=True,
)


@app.command()
def run(
    topic: Annotated[str, typer.Argument(help="An input topic of the service, such as readings.raw")],
    into: Annotated[str, typer.Option(help="The replay's name, such as v2; its topics' names end in it")],
    since: Annotated[str, typer.Option("--from", help="First append time: ISO 8601, epoch, or `start`")],
    until: Annotated[
        str, typer.Option("--to", help="Append time before which it ends: ISO 8601, epoch, or `now`")
    ] = "now",
    max_rate: Annotated[float | None, typer.Option(min=1, help="Most records a second; without it, full speed")] = None,
    brokers: Brokers = DEFAULT_BROKERS,
) -> None:
    """Runs the rules over what was appended in a span of time, into topics of its own.

    Live processing goes on undisturbed. Ctrl-C ends at a checkpoint, and the same command goes on from the last one.

    Example: headrace replay readings.raw --from 2026-11-20T00:00Z --to now --into v2
    """
    check_name(into)
    replay = Replay(brokers, find_replayable(topic, brokers), into)
    clock, console = SystemClock(), Console()
    plan = start_replay(replay, topic, parse_moment(since), parse_moment(until), clock)
    _say(console, f"replay {into}: {plan.describe()}, {offsets_in(plan.ranges):,} records")
    _say_deleted(console, brokers, plan)
    shared = Shared(Pace(max_rate), clock)
    begin = time.monotonic()
    with stop_on_signals(shared.stop):
        outcome = ReplayRun(replay, progress_view(console), shared).run(plan.ranges, plan.topic_ids, plan.until_us)
    _say_outcome(console, outcome, time.monotonic() - begin)
    if not outcome.is_complete:
        _end_interrupted(console)
    if plan.phase == "replaying":
        Plans(brokers).save(plan.in_phase("replayed", clock.now_us()))
    _say(console, f"`headrace replay status {into}` compares it with live, `headrace replay switch {into}` goes over")


@app.command()
def status(
    name: Annotated[str | None, typer.Argument(help="The replay's name; without it, all are listed")] = None,
    brokers: Brokers = DEFAULT_BROKERS,
) -> None:
    """Shows how far a replay is, and what it wrote beside what the live service wrote in that time.

    Example: headrace replay status v2
    """
    console = Console()
    if name is None:
        _list(console, Plans(brokers).load())
        return
    replay, plan = _find(brokers, name)
    _say(console, f"replay {name}: {plan.describe()}, {plan.phase} since {show_us(plan.changed_us)}")
    table = _table("topic", "partition", "from", "at", "to")
    for row in partition_status(replay, plan):
        table.add_row(*(str(value) for value in row))
    console.print(table)
    table = _table("output", "replayed", "live in that time")
    for count in output_counts(replay, plan):
        table.add_row(count.topic, *("gone" if value is None else f"{value:,}" for value in count[1:]))
    console.print(table)


@app.command()
def switch(name: Name, brokers: Brokers = DEFAULT_BROKERS) -> None:
    """Puts a replay in the place of the live version, while the workers stand still.

    The replay catches up to where the workers stopped, then what it wrote is copied into the live topics.
    It may be stopped or killed: the same command goes on.

    Example: headrace replay switch v2
    """
    console = Console()
    replay, _ = _find(brokers, name)
    clock = SystemClock()
    shared = Shared(Pace(None), clock)
    with stop_on_signals(shared.stop):
        is_done = Switch(replay, progress_view(console), shared, clock).run()
    if not is_done:
        _end_interrupted(console)
    _say(console, f"switched to {name}: start the workers with {replay.service.setting}={name}")


@app.command()
def drop(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask")] = False,
    brokers: Brokers = DEFAULT_BROKERS,
) -> None:
    """Deletes the topics of a replay; the state that the service runs on after a switch stays.

    Example: headrace replay drop v2
    """
    console = Console()
    replay, plan = _find(brokers, name)
    plans = Plans(brokers).load()
    if plan.phase == "switching":
        _say(console, f"the switch to {name} is half done: the live topics hold a part of its outputs, and keep them")
    names = topics_to_drop(replay, plans)
    _say(console, f"topics of replay {name}: {', '.join(names) or 'none'}")
    if not yes and not typer.confirm("Delete them?"):
        raise typer.Exit(1)
    _say(console, f"deleted {len(drop_replay(replay, plans))} topics")


def _find(brokers: str, name: str) -> tuple[Replay, Plan]:
    plan = Plans(brokers).get(name)
    return Replay(brokers, find_replayable(plan.topic, brokers), name), plan


def _list(console: Console, plans: dict[str, Plan]) -> None:
    table = _table("name", "range", "phase", "since")
    for plan in sorted(plans.values(), key=lambda plan: plan.changed_us):
        table.add_row(plan.name, plan.describe(), plan.phase, show_us(plan.changed_us))
    console.print(table)


def _say_deleted(console: Console, brokers: str, plan: Plan) -> None:
    """A range that begins where the log does may have lost its beginning to retention."""
    if plan.since_us == 0:
        return
    for topic, whole in find_ranges(brokers, plan.ranges, 0, None).items():
        for number, (low, _) in enumerate(whole):
            if low > 0 and plan.ranges[topic][number][0] <= low:
                _say(console, f"{topic}-{number} begins at offset {low}: what was before is deleted")


def _say_outcome(console: Console, outcome: Outcome, seconds: float) -> None:
    _say(console, f"{outcome.records:,} records in {seconds:,.1f} s, {outcome.records / max(seconds, 1e-3):,.0f}/s")
    if outcome.lost:
        _say(console, f"{outcome.lost:,} records were deleted by retention before they were read")


def _end_interrupted(console: Console) -> None:
    _say(console, "stopped at a checkpoint; the same command goes on from there")
    raise typer.Exit(INTERRUPTED)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=True, justify="left" if heading in ("topic", "output", "name") else "right")
    return table


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
