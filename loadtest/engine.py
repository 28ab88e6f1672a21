"""The stream engine on the standard job beside its peers: `make bench NAME=engine`.

One Kafka and one topic that is filled once; then each engine in turn, several rounds, one process at a time, which
shares the machine with the broker. A peer's time is from the first to the last reading that it sees; ours lasts until
the last one is committed. Kafka Streams emits updates of windows when its cache is flushed, Quix final windows, stock
Faust none; ours emits each window when its device's watermark has passed it, which without allowed lateness, as in the
peers, is its final form. Then further measurements of ours alone. Writes results/engine.json.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from rich.console import Console
from rich.table import Table

from deploy.local.stack import Stack
from deploy.local.temporary import temporary_stack
from loadtest import results
from loadtest.engine_contenders import Contender, contenders, prepare, run_ours
from loadtest.engine_latency import latency
from loadtest.engine_readings import create_topics, fill, readings
from loadtest.engine_run import Outcome
from loadtest.engine_scale import by_devices, by_processes, recovery

TOPIC = "standard-readings"
DEVICES = 1_000
_OURS = "headrace"
_LATENESS_S = 10


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    readings: int
    repeats: int
    recovery_keys: int
    latency_s: float


def measure(stack: Stack, options: Options, console: Console) -> dict[str, object]:
    """All figures of one stack."""
    stack.up("kafka")
    create_topics(stack.brokers, TOPIC)
    fill(stack.brokers, TOPIC, readings(options.readings, DEVICES))
    prepare(stack, TOPIC)
    measured = _in_turns(stack, contenders(options.readings), options.repeats, console)
    console.print(_table(measured))
    rates = {name: statistics.median(one.rate for one in runs) for name, runs in measured.items()}
    return {
        "readings_per_second": rates,
        "ratio": ratios(rates),
        "spread": {name: _spread(runs) for name, runs in measured.items()},
        "ours_alone": _ours_alone(stack, options, console),
    }


def _in_turns(stack: Stack, engines: Sequence[Contender], repeats: int, console: Console) -> dict[str, list[Outcome]]:
    measured: dict[str, list[Outcome]] = {engine.name: [] for engine in engines}
    for _ in range(repeats):
        for engine in engines:
            outcome = engine.run(stack, TOPIC, engine.readings)
            measured[engine.name].append(outcome)
            console.print(f"{engine.name}: {outcome.rate:,.0f} readings/s")
    return measured


def ratios(rates: Mapping[str, float]) -> dict[str, float]:
    """How many times faster ours is, compared with the better of a peer's configurations."""
    ours = rates[_OURS]
    kafka_streams = max(rate for name, rate in rates.items() if name.startswith("kafka_streams"))
    return {"quix": ours / rates["quix"], "faust": ours / rates["faust"], "kafka_streams": ours / kafka_streams}


def _spread(runs: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    figures = [one.figures() for one in runs]
    return {name: results.spread([one[name] for one in figures]) for name in figures[0]}


def _table(measured: Mapping[str, Sequence[Outcome]]) -> Table:
    table = Table(title="The standard job, medians", title_justify="left")
    spreads = {name: _spread(runs) for name, runs in measured.items()}
    table.add_column("")
    for figure in next(iter(spreads.values())):
        table.add_column(figure.replace("_", " "), justify="right")
    for name, spread in spreads.items():
        table.add_row(name, *(f"{figure['median']:,.1f}" for figure in spread.values()))
    return table


def _ours_alone(stack: Stack, options: Options, console: Console) -> dict[str, object]:
    """What else is to be known of ours."""
    found: dict[str, object] = {}
    late = partial(run_ours, stack, TOPIC, options.readings, "--lateness-s", str(_LATENESS_S))
    found[f"lateness_{_LATENESS_S}_s"] = _spread([late() for _ in range(options.repeats)])
    found["processes"] = by_processes(stack, TOPIC, options.readings)
    found["devices"] = by_devices(stack, options.readings // 2)
    found["recovery"] = recovery(stack, options.recovery_keys)
    found["latency"] = latency(stack, options.latency_s)
    found["profile"] = run_ours(stack, TOPIC, options.readings, "--profile").details["profile"]
    console.print_json(data=found)
    return found


def main() -> None:
    """Measures on a Kafka of its own and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readings", type=int, default=3_000_000, help="readings of the fastest (3000000)")
    parser.add_argument("--repeats", type=int, default=5, help="rounds whose median is reported (5)")
    parser.add_argument("--recovery-keys", type=int, default=1_000_000, help="keys to recover (1000000)")
    parser.add_argument("--latency-s", type=float, default=60, help="seconds of the latency run (60)")
    options = Options(**vars(parser.parse_args()))
    console = Console(highlight=False, width=140)
    with temporary_stack() as stack:
        figures = measure(stack, options, console)
    path = results.write("engine", "make bench NAME=engine", {"devices": DEVICES, **figures})
    console.print(f"written to {path}")


if __name__ == "__main__":
    main()
