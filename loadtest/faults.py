"""Kill runs: a component dies by SIGKILL while numbered readings flow, and the checker decides what became of them.

`python -m loadtest.faults --seeds 3` runs every component and writes results/faults.json. The same seed gives the same
plan.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local.paths import PROJECT
from deploy.local.stack import SERVICES, Stack
from deploy.local.temporary import temporary_stack
from headrace.testing import wait_until
from loadtest import results
from loadtest.check import Findings, Stores, check
from loadtest.devices.numbered import Result
from loadtest.history import Event, read
from loadtest.scan_kafka import end_offsets, unread

COMPONENTS = ("ingest_mqtt", "process_readings", "sink_cassandra", "serve_api", "kafka", "cassandra", "mosquitto")
DEVICES = "numbered-"
_PIPELINE = ("kafka", "cassandra", "mosquitto", *SERVICES)
_AWAY_S = (0.2, 6.0)
_RECEIPTS_TIMEOUT_S = 120.0
_DRAIN_TIMEOUT_S = 120.0
_QUIET_S = 8.0
"""Nothing moved for so long: longer than the time after which open windows of an idle device are written."""
_RESEND_AFTER_S = 3.0


@dataclass(frozen=True)
class Plan:
    """One kill: when so many messages have a receipt, `component` dies and stays away for `away_s` seconds."""

    component: str
    seed: int
    kill_after: int
    away_s: float

    @classmethod
    def of(cls, component: str, seed: int, count: int) -> Plan:
        """The plan of a seed: somewhere in the middle 80 % of `count` messages."""
        own = random.Random(f"{component}/{seed}")
        return cls(component, seed, own.randint(count // 10, count * 9 // 10), round(own.uniform(*_AWAY_S), 1))


@dataclass(frozen=True)
class Outcome:
    """What a kill run showed.

    `ready_s` is from the restart until the component answered, `caught_up_s` from the last receipt until every consumer
    had read to the end.
    """

    plan: Plan
    findings: Findings
    receipts: Result
    ready_s: float
    caught_up_s: float

    @property
    def passed(self) -> bool:
        return self.findings.verdict.passed and not self.receipts.without_receipt


class FaultRuns:
    """Kill runs one after the other on one pipeline; every check is of all that was sent since the first."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self._next_number = 0
        self._history: list[Event] = []

    def run(self, plan: Plan, count: int, rate: float) -> Outcome:
        """Sends `count` messages, kills as planned, waits until all is quiet, and checks."""
        path = self._folder / f"{plan.component}-{plan.seed}-{self._next_number}.jsonl"
        with self._generator(plan, path, count, rate) as generator:
            wait_until(lambda: _receipts(path) >= plan.kill_after, f"{plan.kill_after} receipts", 120)
            self._stack.kill(plan.component)
            _stay_away(plan.away_s)
            restarted = time.monotonic()
            self._stack.up(plan.component)
            ready_s = time.monotonic() - restarted
            receipts = _ended(generator)
        caught_up_s = self._await_quiet()
        self._history += read(path)
        return Outcome(plan, self.check(), receipts, round(ready_s, 1), round(caught_up_s, 1))

    def check(self) -> Findings:
        """Compares all that was sent so far with what is stored now."""
        stack = self._stack
        return check(self._history, Stores(stack.brokers, stack.host, stack.ports.cassandra, DEVICES))

    @contextmanager
    def _generator(self, plan: Plan, path: Path, count: int, rate: float) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-m", "loadtest.devices.numbered", "--port", str(self._stack.ports.mqtt)]
        command += ["--history", str(path), "--count", str(count), "--rate", str(rate)]
        command += ["--first", str(self._next_number), "--timeout", str(_RECEIPTS_TIMEOUT_S)]
        if plan.component == "mosquitto":
            # What a broker acknowledged and lost, a device that must know sends again.
            command += ["--resend-after", str(_RESEND_AFTER_S)]
        self._next_number += count
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(PROJECT), str(PROJECT / "services")))}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as generator:
            try:
                yield generator
            finally:
                generator.kill()

    def _await_quiet(self) -> float:
        """Returns when nothing was written for a while; the seconds until every group had read everything."""
        start = time.monotonic()
        try:
            wait_until(self._has_read_all, "every consumer at the end", _DRAIN_TIMEOUT_S, every=0.5)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self._state()}") from None
        caught_up_s = time.monotonic() - start
        ends: dict[tuple[str, int], int] = {}
        since = start

        def is_quiet() -> bool:
            nonlocal ends, since
            found = end_offsets(self._stack.brokers)
            if found != ends or not self._has_read_all():
                ends, since = found, time.monotonic()
            return time.monotonic() - since > _QUIET_S

        wait_until(is_quiet, "an end of all writing", _DRAIN_TIMEOUT_S, every=0.5)
        return caught_up_s

    def _state(self) -> str:
        """Who is behind, who has ended, and the last words of each service."""
        lines = [f"unread: {unread(self._stack.brokers)}"]
        for name in SERVICES:
            state = "runs" if self._stack.is_running(name) else "has ended"
            lines.append(f"{name} {state}; its log ends:\n{self._stack.log_tail(name, 12)}")
        return "\n".join(lines)

    def _has_read_all(self) -> bool:
        return not any(unread(self._stack.brokers).values())


def _stay_away(seconds: float) -> None:
    time.sleep(seconds)


def _receipts(path: Path) -> int:
    return path.read_bytes().count(b'"event":"receipt"') if path.exists() else 0


def _ended(generator: subprocess.Popen[str]) -> Result:
    """Waits for the generator and reads what it says at its end."""
    output, _ = generator.communicate(timeout=_RECEIPTS_TIMEOUT_S + 120)
    if generator.returncode:
        raise RuntimeError(f"the generator failed with {generator.returncode}")
    return Result(**json.loads(output))


def run_all(components: Sequence[str], seeds: Sequence[int], count: int, rate: float) -> Iterator[Outcome]:
    """Every component with every seed, on one pipeline of its own."""
    with temporary_stack() as stack:
        stack.up(*_PIPELINE)
        runs = FaultRuns(stack, stack.layout.root)
        for seed in seeds:
            for component in components:
                yield runs.run(Plan.of(component, seed, count), count, rate)


def main() -> None:
    """Runs, prints a line each, and writes results/faults.json; ends with 1 where the promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds (3)")
    parser.add_argument("--first-seed", type=int, default=1, help="the first seed (1)")
    parser.add_argument("--component", action="append", choices=COMPONENTS, help="only this one; may be repeated")
    parser.add_argument("--count", type=int, default=20_000, help="messages a run, three readings each (20000)")
    parser.add_argument("--rate", type=float, default=2_000, help="messages a second (2000)")
    chosen = parser.parse_args()
    components = chosen.component or COMPONENTS
    outcomes = []
    for outcome in run_all(
        components, range(chosen.first_seed, chosen.first_seed + chosen.seeds), chosen.count, chosen.rate
    ):
        outcomes.append(outcome)
        print(described(outcome), flush=True)
    if set(components) == set(COMPONENTS):
        print(f"written to {results.write('faults', 'make faults', figures_of(outcomes, chosen.count, chosen.rate))}")
    sys.exit(not all(outcome.passed for outcome in outcomes))


def described(outcome: Outcome) -> str:
    """A run in a line or two."""
    plan, windows = outcome.plan, outcome.findings.windows
    head = f"{plan.component} seed {plan.seed}: killed at {plan.kill_after} receipts, away {plan.away_s} s, "
    head += f"ready {outcome.ready_s} s after its restart, all read {outcome.caught_up_s} s after the last receipt"
    head += f"; {outcome.receipts.without_receipt} without a receipt, {outcome.receipts.sent_again} sent again"
    return f"{head}\n  {outcome.findings.verdict.summary()}\n  {windows}"


def figures_of(outcomes: Sequence[Outcome], count: int, rate: float) -> dict[str, object]:
    """The results file's figures of these runs."""
    return {
        "about": "SIGKILL of one component while numbered messages of three readings each flow with receipts; "
        "counts are of all runs so far on the same pipeline",
        "messages_per_run": count,
        "messages_per_second": rate,
        "runs": [_figure(outcome) for outcome in outcomes],
    }


def _figure(outcome: Outcome) -> dict[str, object]:
    verdict = dict(vars(outcome.findings.verdict))
    failures = {kind: len(cases) for kind, cases in verdict.pop("failures").items() if cases}
    return {
        **asdict(outcome.plan),
        "passed": outcome.passed,
        "ready_s": outcome.ready_s,
        "caught_up_s": outcome.caught_up_s,
        **asdict(outcome.receipts),
        **verdict,
        "failures": failures,
        "windows": asdict(outcome.findings.windows),
    }


if __name__ == "__main__":
    main()
