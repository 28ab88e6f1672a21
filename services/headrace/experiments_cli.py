"""`headrace experiments list|results|report|recompute`: what is tried, what came of it, and whether sums are right."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from headrace.clock import SystemClock
from headrace.deadletters_cli import DEFAULT_BROKERS, Brokers
from headrace.errors import ConfigurationError
from headrace.experiments.experiment import Experiment
from headrace.experiments.experiments import Experiments
from headrace.experiments.folder import EXPERIMENTS_FOLDER, load_experiments
from headrace.experiments.judge import judge
from headrace.experiments.recomputed import differences
from headrace.experiments.report import report_html
from headrace.experiments.report_wording import DECISIONS, GUARDRAILS, VERDICTS, amount, interval, p_text, percent
from headrace.experiments.results import Results
from headrace.experiments.totals_topics import read_totals, recompute
from headrace.interactions.records import ExperimentTotals

Folder = Annotated[Path, typer.Option(envvar="HEADRACE_EXPERIMENTS", help="Folder of the experiments' files")]
Name = Annotated[str, typer.Argument(help="An experiment: its file's name without .yaml")]

app = typer.Typer(help="Experiments: list them, see their results, check their sums.", no_args_is_help=True)


@app.command(name="list")
def list_experiments(brokers: Brokers = DEFAULT_BROKERS, folder: Folder = EXPERIMENTS_FOLDER) -> None:
    """Lists the experiments with what is decided of each.

    Example: headrace experiments list
    """
    experiments, totals = load_experiments(folder), read_totals(brokers)
    table = _table("experiment", "state", "arms", "people", "primary", "decision", "why")
    for experiment in experiments:
        found = _judged(experiment, totals)
        people = f"{sum(each.enrolled for each in found.arms):,}"
        decided = DECISIONS[found.decision.decided]
        arms = ", ".join(experiment.shares())
        table.add_row(experiment.name, found.state, arms, people, found.primary, decided, found.decision.reason)
    Console().print(table)


@app.command()
def results(
    name: Name,
    brokers: Brokers = DEFAULT_BROKERS,
    folder: Folder = EXPERIMENTS_FOLDER,
    as_json: Annotated[bool, typer.Option("--json", help="As the API gives them")] = False,
) -> None:
    """Shows an experiment's results; they may be looked at any time.

    Example: headrace experiments results home_variety
    """
    found = _judged(_find(load_experiments(folder), name), read_totals(brokers))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
        return
    _print(Console(), found)


@app.command()
def report(
    name: Name,
    to: Annotated[Path, typer.Argument(help="Where the page is written, such as report.html")],
    brokers: Brokers = DEFAULT_BROKERS,
    folder: Folder = EXPERIMENTS_FOLDER,
) -> None:
    """Writes an experiment's results as one page of HTML.

    Example: headrace experiments report home_variety report.html
    """
    found = _judged(_find(load_experiments(folder), name), read_totals(brokers))
    try:
        to.write_text(report_html(found), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{to} can't be written: {error.strerror}") from error
    Console().print(f"wrote {to}", markup=False)


@app.command(name="recompute")
def recompute_totals(brokers: Brokers = DEFAULT_BROKERS, folder: Folder = EXPERIMENTS_FOLDER) -> None:
    """Computes the sums again from interactions and answers, and says whether they are those of experiments.totals.

    Writes nothing. While people are about, the live sums may be ahead of what was read; run it again. What the brokers
    have deleted by retention can't be computed again.

    Example: headrace experiments recompute
    """
    console = Console(stderr=True)
    with console.status("") as status:
        made = recompute(
            brokers, lambda partition, records: status.update(f"partition {partition}: {records:,} records")
        )
    current = {(each.name, each.revision) for each in load_experiments(folder)}
    stored = [each for each in read_totals(brokers) if (each.experiment, each.revision) in current]
    found = differences(stored, [each for each in made if (each.experiment, each.revision) in current])
    for line in found:
        Console().print(line, markup=False, soft_wrap=True)
    if found:
        raise typer.Exit(1)
    Console().print(f"the same: {len(made)} sums of arms", markup=False)


def _find(experiments: Experiments, name: str) -> Experiment:
    found = experiments.get(name)
    if found is None:
        known = ", ".join(each.name for each in experiments) or "none"
        raise ConfigurationError(f"there is no experiment {name}; known are: {known}")
    return found


def _judged(experiment: Experiment, totals: list[ExperimentTotals]) -> Results:
    return judge(experiment, totals, SystemClock().now_us())


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _print(console: Console, found: Results) -> None:
    decision = found.decision
    which = "" if decision.arm is None else f" {decision.arm}"
    console.print(f"{DECISIONS[decision.decided]}{which}: {decision.reason}", markup=False, highlight=False)
    ratio = found.sample_ratio
    said = f"arms as large as planned: {'no' if ratio.is_mismatched else 'yes'}, p {ratio.p:.3g}"
    console.print(said, markup=False, highlight=False)
    arms = _table("arm", "planned", "people", "counted")
    for arm in found.arms:
        arms.add_row(arm.arm, percent(arm.share), f"{arm.enrolled:,}", f"{arm.people:,}")
    console.print(arms)
    metrics = _table("metric", "arm", "mean", "difference", f"interval, {1 - found.alpha:.0%}", "lift", "p", "")
    for metric in found.metrics:
        for each in metric.arms:
            metrics.add_row(
                metric.metric,
                each.arm,
                amount(metric, each.mean),
                amount(metric, each.difference, True),
                interval(metric, each.lower, each.upper),
                percent(each.lift, True),
                p_text(each.adjusted_p),
                VERDICTS[each.verdict],
            )
    console.print(metrics)
    for guardrail in found.guardrails:
        console.print(
            f"guardrail {guardrail.metric} in {guardrail.arm}: {GUARDRAILS[guardrail.state]}",
            markup=False,
            highlight=False,
        )
