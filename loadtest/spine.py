"""How much the spine carries on this machine, and what a message costs: `python -m loadtest.spine`.

First MQTT to Kafka at full speed, then end to end to Cassandra with three metrics a message: the rate is raised step by
step until the pipeline falls behind, and the highest one that holds is run again for the figures. Generator, brokers,
store and services share the machine. Writes results/spine.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from deploy.local.scrape import scrape
from deploy.local.stack import SERVICES, Stack
from deploy.local.temporary import temporary_stack
from headrace.testing import wait_until
from loadtest import results
from loadtest.load import GENERATOR, MEASURED, Load, run_load
from loadtest.scan_kafka import unread

METRICS_PER_MESSAGE = 3
_KEEPS_UP_S = 4.0
"""A rate holds if what is left at the last message is through in so many seconds, however long the load lasts.

One of them is the processor's commit interval, since a record counts as through when its reading is committed.
"""
_ON_TIME = 1.05
_CATCH_UP_S = 600.0


@dataclass(frozen=True)
class Options:
    """How long each step lasts, in seconds, and how the rate is raised, in messages a second."""

    seconds: float
    first_rate: float
    step: float
    repeats: int
    raw_messages: int


def measure(stack: Stack, options: Options, console: Console) -> dict[str, object]:
    """All figures of one stack."""
    stack.up("kafka", "mosquitto", "ingest_mqtt")
    raw = [_to_kafka(stack, options.raw_messages) for _ in range(options.repeats + 1)][1:]
    console.print(_table("MQTT → Kafka (acks=all), as fast as it goes", raw))
    stack.up("kafka", "cassandra", "mosquitto", *SERVICES)
    # What the runs to Kafka left is read first; it also warms up the store and the services.
    wait_until(lambda: not any(unread(stack.brokers).values()), "the backlog read", _CATCH_UP_S, every=1.0)
    tried = _raise_rate(stack, options, console)
    best = max((load.rate for load in tried if holds(load)), default=0.0)
    held = [_end_to_end(stack, best, options.seconds) for _ in range(options.repeats)] if best else []
    console.print(_table("MQTT → Cassandra at the highest rate that holds", held or tried))
    return {
        "mqtt_to_kafka": _summary(raw),
        "end_to_end": {
            "messages_per_s": best,
            "data_points_per_s": best * METRICS_PER_MESSAGE,
            **(_summary(held) if held else {}),
            "limit": limit_of(tried[-1]),
            "tried": [_figures(load) for load in tried],
        },
    }


def holds(load: Load) -> bool:
    """Whether the pipeline kept up with the rate, and the generator too."""
    return load.behind_s <= _KEEPS_UP_S and load.sent_s <= _ON_TIME * load.messages / load.rate


def limit_of(load: Load) -> str:
    """What held a load back, in words."""
    costs = sorted(load.cpu_s, key=lambda name: -load.cpu_s[name])
    shares = ", ".join(f"{name} {load.cpu_s[name] / load.through_s:.2f}" for name in costs)
    kept = "held" if holds(load) else "fell behind"
    return (
        f"{load.rate:.0f} messages/s {kept} with {load.cores:.2f} cores busy: {shares}; others {load.other_cores:.2f}"
    )


def _to_kafka(stack: Stack, messages: int) -> Load:
    before = _forwarded(stack)
    return run_load(stack, 0, messages, lambda: _forwarded(stack) - before >= messages)


def _forwarded(stack: Stack) -> float:
    samples = scrape(stack.url("ingest_mqtt"))
    return samples.total("headrace_forwarded_records_total") if samples else 0.0


def _raise_rate(stack: Stack, options: Options, console: Console) -> list[Load]:
    """Runs ever higher rates until one does not hold."""
    rate, tried = options.first_rate, list[Load]()
    while not tried or holds(tried[-1]):
        tried.append(_end_to_end(stack, rate, options.seconds))
        console.print(f"{limit_of(tried[-1])}; {tried[-1].behind_s:.1f} s behind at the end, {_latency(tried[-1])}")
        rate += options.step
    return tried


def _end_to_end(stack: Stack, rate: float, seconds: float) -> Load:
    received = _processed(stack)
    messages = int(rate * seconds)
    return run_load(
        stack,
        rate,
        messages,
        lambda: _processed(stack) - received >= messages and not any(unread(stack.brokers).values()),
    )


def _processed(stack: Stack) -> float:
    samples = scrape(stack.url("process_readings"))
    return samples.total("headrace_received_records_total") if samples else 0.0


def _table(title: str, loads: Sequence[Load]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in ("", "median", "least", "most"):
        table.add_column(heading, justify="right" if heading else "left")
    rows: list[tuple[str, Callable[[Load], float]]] = [("messages/s", lambda load: load.messages_per_s)]
    rows += [(f"CPU µs a message: {name}", _cost(name)) for name in _processes(loads)]
    rows += [("CPU µs a message: all", lambda load: sum(load.cpu_s.values()) / load.messages * 1e6)]
    rows += [("cores busy", lambda load: load.cores), ("cores busy with others", lambda load: load.other_cores)]
    rows += [(f"latency {name}, ms", _quantile_ms(name)) for name in loads[0].latency_s]
    for name, figure in rows:
        spread = results.spread([figure(load) for load in loads])
        table.add_row(name, *(f"{spread[key]:,.1f}" for key in ("median", "min", "max")))
    return table


def _processes(loads: Sequence[Load]) -> list[str]:
    return [name for name in (GENERATOR, *MEASURED) if name in loads[0].cpu_s]


def _cost(name: str) -> Callable[[Load], float]:
    return lambda load: load.cpu_us(name)


def _quantile_ms(name: str) -> Callable[[Load], float]:
    return lambda load: load.latency_s[name] * 1_000


def _latency(load: Load) -> str:
    return ", ".join(f"{name} {seconds * 1_000:.0f} ms" for name, seconds in load.latency_s.items())


def _summary(loads: Sequence[Load]) -> dict[str, object]:
    return {
        "measured_messages_per_s": results.spread([load.messages_per_s for load in loads]),
        "cpu_us_per_message": {
            name: results.spread([load.cpu_us(name) for load in loads]) for name in _processes(loads)
        },
        "cores_busy": results.spread([load.cores for load in loads]),
        "latency_s": {name: results.spread([load.latency_s[name] for load in loads]) for name in loads[0].latency_s},
        "runs": [_figures(load) for load in loads],
    }


def _figures(load: Load) -> dict[str, object]:
    return {
        "rate": load.rate,
        "messages": load.messages,
        "sent_s": round(load.sent_s, 2),
        "behind_s": round(load.behind_s, 2),
        "cores_busy": round(load.cores, 2),
        "cores_busy_with_others": round(load.other_cores, 2),
        "latency_s": dict(load.latency_s),
    }


def main() -> None:
    """Measures on a stack of its own and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30, help="length of a step (30)")
    parser.add_argument("--first-rate", type=float, default=2_000, help="messages a second of the first step (2000)")
    parser.add_argument("--step", type=float, default=1_000, help="by how much the rate is raised (1000)")
    parser.add_argument("--repeats", type=int, default=3, help="runs whose median is reported (3)")
    parser.add_argument("--raw-messages", type=int, default=50_000, help="messages of a run to Kafka (50000)")
    console = Console(highlight=False, width=110)
    with temporary_stack() as stack:
        figures = measure(stack, Options(**vars(parser.parse_args())), console)
    path = results.write("spine", "make bench NAME=spine", {"metrics_per_message": METRICS_PER_MESSAGE, **figures})
    console.print(f"written to {path}")


if __name__ == "__main__":
    main()
