"""`headrace deadletters list|show|replay`: what could not be processed, why, and a way back for what can be now."""

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from headrace.clock import MICROSECONDS
from headrace.deadletter import DeadLetter
from headrace.deadletter_topic import DeadLetters, replay
from headrace.errors import ConfigurationError, Reason
from headrace.kafka import Producer

FLUSH_S = 30.0

Brokers = Annotated[str, typer.Option(envvar="HEADRACE_BROKERS", help="Kafka bootstrap servers")]
ReasonOption = Annotated[Reason | None, typer.Option("--reason", help="Only this reason")]
StageOption = Annotated[str | None, typer.Option("--stage", help="Only this stage, such as process_readings.decode")]
Id = Annotated[str, typer.Argument(help="PARTITION:OFFSET, as `list` shows it")]
DEFAULT_BROKERS = "127.0.0.1:9092"

app = typer.Typer(help="Records that can't be processed as they are: list, show, replay.", no_args_is_help=True)


@app.command(name="list")
def list_letters(
    brokers: Brokers = DEFAULT_BROKERS,
    reason: ReasonOption = None,
    stage: StageOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many, newest last")] = 50,
) -> None:
    """Lists dead letters, and how many there are for each reason.

    Example: headrace deadletters list --reason malformed_json
    """
    letters = list(_chosen(brokers, reason, stage))
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "received (UTC)", "stage", "reason"):
        table.add_column(heading, no_wrap=True)
    table.add_column("detail", overflow="fold")
    for letter in letters[-limit:]:
        table.add_row(letter.id, _utc(letter.received)[:19], letter.stage, letter.reason, letter.detail)
    console = Console()
    console.print(table)
    counts = Counter(letter.reason.value for letter in letters)
    console.print(f"{len(letters)} dead letters" + "".join(f", {n} {name}" for name, n in counts.most_common()))


@app.command()
def show(letter_id: Id, brokers: Brokers = DEFAULT_BROKERS, raw: bool = False) -> None:
    """Shows one dead letter whole; with --raw only its bytes, for a file or a pipe.

    Example: headrace deadletters show 2:17
    """
    letter = _one(brokers, letter_id)
    if raw:
        sys.stdout.buffer.write(letter.value)
        return
    console = Console(highlight=False)
    for name in ("id", "stage", "reason", "detail", "source", "key", "length", "sha256"):
        console.print(f"{name}: {getattr(letter, name)}", markup=False)
    console.print(f"received: {_utc(letter.received)}", markup=False)
    for name, value in letter.headers:
        console.print(f"header {name}: {value.decode(errors='backslashreplace')}", markup=False)
    console.print(letter.stack, markup=False)
    console.print(letter.value.decode(errors="backslashreplace"), markup=False)


@app.command(name="replay")
def replay_letters(
    letter_ids: Annotated[list[str] | None, typer.Argument(help="PARTITION:OFFSET, as `list` shows it")] = None,
    brokers: Brokers = DEFAULT_BROKERS,
    reason: ReasonOption = None,
    stage: StageOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Replay every dead letter")] = False,
    body: Annotated[typer.FileBinaryRead | None, typer.Option(help="Replay ONE letter with this mended body")] = None,
) -> None:
    """Sends dead letters back to the topic that they came from; a letter stays listed, as the topic is a log.

    What is still wrong becomes a dead letter again; what is good now goes through, once, since its identity is kept.

    Example: headrace deadletters replay --reason unsupported_format
    """
    if letter_ids:
        letters = [_one(brokers, letter_id) for letter_id in letter_ids]
    elif everything or reason or stage:
        letters = list(_chosen(brokers, reason, stage))
    else:
        raise ConfigurationError("say which: ids as `headrace deadletters list` shows them, --reason, --stage or --all")
    if body is not None and len(letters) != 1:
        raise ConfigurationError(f"--body mends one letter, and {len(letters)} are chosen: give one id")
    producer = Producer(brokers, "headrace-deadletters")
    outcome = Counter(replay(producer, letter, None if body is None else body.read()) for letter in letters)
    producer.flush(FLUSH_S)
    Console().print(f"{outcome['']} replayed" + "".join(f", {n} not: {why}" for why, n in outcome.items() if why))


def _chosen(brokers: str, reason: Reason | None, stage: str | None) -> Iterator[DeadLetter]:
    for letter in DeadLetters(brokers).read_all():
        if (reason is None or letter.reason == reason) and (stage is None or letter.stage == stage):
            yield letter


def _one(brokers: str, letter_id: str) -> DeadLetter:
    partition, _, offset = letter_id.partition(":")
    if not (partition.isdigit() and offset.isdigit()):
        raise ConfigurationError(f"{letter_id!r} is no id: it looks like 2:17, as `headrace deadletters list` shows it")
    return DeadLetters(brokers).read(int(partition), int(offset))


def _utc(us: int) -> str:
    return datetime.fromtimestamp(us / MICROSECONDS, UTC).isoformat(sep=" ", timespec="milliseconds")[:23]
