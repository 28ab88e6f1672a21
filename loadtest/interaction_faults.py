"""Kill runs: processes die by SIGKILL while people ask, look and buy, and the checker decides what counts how often.

`python -m loadtest.interaction_faults` makes a run of each seed, all on one pipeline, and writes
results/interaction_faults.json. In a run the API, process_interactions, the sink and Kafka die at random moments, in a
random order. The same seed gives the same plan.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from deploy.local.stack import Stack
from deploy.local.temporary import temporary_stack
from headrace.testing import wait_until
from loadtest import results
from loadtest.interaction_checker import Verdict, Windows, judge
from loadtest.interaction_history import History
from loadtest.interaction_scan import count, learned, logged, scan
from loadtest.scan_kafka import unread
from loadtest.shoppers import Shoppers

COMPONENTS = ("serve_api", "process_interactions", "kafka", "sink_cassandra")
PIPELINE = ("kafka", "cassandra", *COMPONENTS[:2], "sink_cassandra")
SURFACE = "kill_runs"
WINDOW_S = 6.0
"""Seconds for which an answer is open, and in which the experiment measures a person."""
_WINDOWS = Windows(round(WINDOW_S * 1e6), round(WINDOW_S * 1e6), SURFACE)
_AWAY_S = (0.2, 4.0)
_AFTER = 200
"""Events that are accepted after the last kill, so that all has to go on."""
_TIMEOUT_S = 240.0
"""Longer than anything takes on a machine that does much else."""
_TOPICS = ("interactions.raw", "recommendations.made")
_SERVICES = ("serve_api", "process_interactions", "sink_cassandra")


@dataclass(frozen=True)
class Kill:
    """One: when so many more events are accepted, `component` dies and stays away for `away_s` seconds."""

    component: str
    after: int
    away_s: float


@dataclass(frozen=True)
class Plan:
    """The kills of a run, one after the other."""

    seed: int
    kills: tuple[Kill, ...]

    @classmethod
    def of(cls, seed: int, kills: int, between: tuple[int, int] = (60, 500)) -> Plan:
        """The plan of a seed: components in a random order, each before one comes again.

        Args:
            between: how many events, from and to, are accepted before the next kill.
        """
        own = random.Random(f"interactions/{seed}")
        order: list[str] = []
        while len(order) < kills:
            order += own.sample(COMPONENTS, len(COMPONENTS))
        return cls(
            seed, tuple(Kill(name, own.randint(*between), round(own.uniform(*_AWAY_S), 1)) for name in order[:kills])
        )


@dataclass(frozen=True)
class Outcome:
    """What a run showed.

    Attributes:
        seconds: of the load.
        caught_up_s: from its end until every answer's window had closed and all was read.
        crashes: services that ended by themselves and were started again, by their names.
        failed_requests: by their status; 0 for no answer.
        recomputed: what `headrace experiments recompute` said, and whether the sums were the same.
    """

    plan: Plan
    verdict: Verdict
    seconds: float
    caught_up_s: float
    crashes: Mapping[str, int]
    failed_requests: Mapping[int, int]
    recomputed: str
    is_recomputed: bool

    @property
    def is_about_something(self) -> bool:
        """Whether people were shown items and measured, and something had to be sent again: else nothing is shown."""
        return bool(self.verdict.exposures and self.verdict.enrolled and self.verdict.sent_again)

    @property
    def passed(self) -> bool:
        return self.verdict.passed and self.is_recomputed and self.is_about_something


class InteractionRuns:
    """Runs one after the other on one pipeline; every check is of all that was sent since the first.

    Args:
        stack: its services have the variables of `environment_of`.
    """

    def __init__(self, stack: Stack) -> None:
        self.history = History()
        self._stack = stack
        self._crashes: dict[str, int] = {}
        self._numbers = 0

    def run(self, plan: Plan, visits: float = 20.0, after: int = _AFTER) -> Outcome:
        """Lets people come, kills as planned, waits until all is read, and checks.

        Args:
            visits: a second.
            after: events that are accepted after the last kill.
        """
        self._crashes = {}
        self.history.statuses.clear()
        began = time.monotonic()
        name = f"run{self._numbers}-{plan.seed}-{time.time_ns() // 1_000_000_000}"
        self._numbers += 1
        shoppers = Shoppers(self._stack.url("serve_api"), self.history, name, SURFACE, seed=plan.seed, visits=visits)
        shoppers.put_items()
        with shoppers:
            for kill in plan.kills:
                self._await_accepted(kill.after)
                self._stack.kill(kill.component)
                _stay_away(kill.away_s)
                self._start(kill.component)
            self._await_accepted(after)
        seconds = time.monotonic() - began
        caught_up_s = self._catch_up(shoppers)
        said, is_same = self.recompute()
        return Outcome(
            plan,
            self.check(),
            round(seconds, 1),
            round(caught_up_s, 1),
            self._crashes,
            dict(self.history.statuses),
            said,
            is_same,
        )

    def check(self) -> Verdict:
        """Compares all that was sent so far with what is stored now."""
        stack = self._stack
        return judge(self.history, scan(stack.brokers, stack.host, stack.ports.cassandra, SURFACE), _WINDOWS)

    def recompute(self) -> tuple[str, bool]:
        """What the command says, and whether the sums are the same."""
        variables = self._stack.variables("process_interactions")
        folder = variables["PROCESS_INTERACTIONS_EXPERIMENTS"]
        command = [sys.executable, "-m", "headrace", "experiments", "recompute", "--brokers", self._stack.brokers]
        done = subprocess.run(
            command,
            env={**variables, "HEADRACE_EXPERIMENTS": folder},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        return (done.stdout + done.stderr).strip(), done.returncode == 0

    def _await_accepted(self, more: int) -> None:
        wanted = self.history.accepted + more

        def are_there() -> bool:
            self._replace_ended()
            return self.history.accepted >= wanted

        self._wait(are_there, f"{more} more events to be accepted")

    def _replace_ended(self) -> None:
        """Starts what ended by itself, as whatever runs services does."""
        for name in _SERVICES:
            if not self._stack.is_running(name):
                self._crashes[name] = self._crashes.get(name, 0) + 1
                self._start(name)

    def _start(self, name: str) -> None:
        self._stack.start(name)
        self._stack.wait_ready(name, timeout=_TIMEOUT_S)

    def _catch_up(self, shoppers: Shoppers) -> float:
        """Moves append time on until every window has closed and everybody has read everything; gives the seconds."""
        began = time.monotonic()
        _stay_away(WINDOW_S)

        def is_closed() -> bool:
            self._replace_ended()
            if self._has_closed():
                return True
            with suppress(httpx.TransportError):
                shoppers.tick()
            return False

        self._wait(is_closed, "the end of every window")
        self._wait(lambda: not any(self._unread().values()) and self._has_learned(), "every consumer at the end")
        return time.monotonic() - began

    def _has_closed(self) -> bool:
        """Of the answers on this surface: those of others, who may be erased meanwhile, are nobody's business here."""
        brokers = self._stack.brokers
        records = [each.record for each in logged(brokers, "recommendations.made")]
        made = {each["id"] for each in records if each["items"] and each["surface"] == SURFACE}
        return made <= {each.record["recommendation"] for each in logged(brokers, "interactions.exposures")}

    def _has_learned(self) -> bool:
        brokers = self._stack.brokers
        return count(brokers, "interactions.lessons", "interactions.exposures") == learned(brokers)

    def _unread(self) -> dict[str, int]:
        found = unread(self._stack.brokers)
        return {name: behind for name, behind in found.items() if name.split("/")[1] in _TOPICS}

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        try:
            wait_until(condition, what, _TIMEOUT_S, every=0.3)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self._state()}") from None

    def _state(self) -> str:
        lines = [f"unread: {self._unread()}; failed requests: {dict(self.history.statuses)}; crashes: {self._crashes}"]
        for name in _SERVICES:
            state = "runs" if self._stack.is_running(name) else "has ended"
            lines.append(f"{name} {state}; its log ends:\n{self._stack.log_tail(name, 12)}")
        return "\n".join(lines)


def environment_of(folder: Path, *more_surfaces: str) -> dict[str, dict[str, str]]:
    """The variables that the services of a stack need; writes an experiment for each surface into a folder.

    The checker counts all people of the experiment of `SURFACE`: other loads on the stack go to surfaces of their own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for surface in (SURFACE, *more_surfaces):
        (folder / f"{surface}.yaml").write_text(experiment_on(surface))
    return {
        "serve_api": {"SERVE_API_EXPERIMENTS": str(folder)},
        "process_interactions": {
            "PROCESS_INTERACTIONS_EXPERIMENTS": str(folder),
            "PROCESS_INTERACTIONS_WINDOW_S": str(WINDOW_S),
        },
    }


def experiment_on(surface: str) -> str:
    """The file of an experiment that measures people within seconds."""
    return f"""
about: What people do within seconds of an answer
state: running
start: 2020-01-01T00:00:00Z
target: {{surfaces: [{surface}], consent: false}}
arms: {{usual: {{share: 0.5}}, other: {{share: 0.5}}}}
window_hours: {WINDOW_S / 3_600!r}
metrics:
  bought: {{measure: happened, kinds: [purchase]}}
  clicks: {{measure: count, kinds: [click], attributed: true}}
  revenue: {{measure: value, kinds: [purchase], cap: 30000}}
primary: bought
"""


def run_all(seeds: Sequence[int], kills: int, visits: float) -> Iterator[Outcome]:
    """A run of each seed, on one pipeline of their own."""
    with TemporaryDirectory() as folder, temporary_stack(environment=environment_of(Path(folder))) as stack:
        stack.up(*PIPELINE)
        runs = InteractionRuns(stack)
        for seed in seeds:
            yield runs.run(Plan.of(seed, kills), visits)


def _stay_away(seconds: float) -> None:
    time.sleep(seconds)


def described(outcome: Outcome) -> str:
    """A run in some lines."""
    kills = ", ".join(f"{kill.component} for {kill.away_s} s" for kill in outcome.plan.kills)
    head = f"seed {outcome.plan.seed}: killed {kills} within {outcome.seconds} s; "
    head += f"all counted {outcome.caught_up_s} s later"
    head += "" if outcome.is_about_something else "; NOTHING WAS SHOWN, MEASURED OR SENT AGAIN"
    failed = f"requests that failed: {dict(outcome.failed_requests)}; ended by themselves: {dict(outcome.crashes)}"
    return f"{head}\n  {failed}\n  {outcome.verdict.summary()}\n  experiments recompute: {outcome.recomputed}"


def figures_of(outcomes: Sequence[Outcome], visits: float) -> dict[str, object]:
    """The results file's figures of these runs."""
    return {
        "about": "SIGKILL of the API, process_interactions, the sink and Kafka while people ask for recommendations "
        "and send events, again until each is answered with 202; then features, lessons, exposures, the sums of an "
        "experiment, Cassandra's rows and the online model's count are compared with a plain recomputation from the "
        "raw topics; counts are of all runs so far on the same pipeline",
        "passed": all(outcome.passed for outcome in outcomes),
        "visits_per_second": visits,
        "runs": [_figure(outcome) for outcome in outcomes],
    }


def _figure(outcome: Outcome) -> dict[str, object]:
    verdict = dict(vars(outcome.verdict))
    failures = {kind: len(cases) for kind, cases in verdict.pop("failures").items() if cases}
    return {
        **asdict(outcome.plan),
        "passed": outcome.passed,
        "seconds": outcome.seconds,
        "caught_up_s": outcome.caught_up_s,
        "ended_by_themselves": dict(outcome.crashes),
        "failed_requests": {str(status): number for status, number in sorted(outcome.failed_requests.items())},
        **verdict,
        "failures": failures,
        "experiments_recompute": outcome.recomputed,
    }


def main() -> None:
    """Runs, prints some lines each, and writes the results; ends with 1 where the promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds (3)")
    parser.add_argument("--first-seed", type=int, default=1, help="the first seed (1)")
    parser.add_argument("--kills", type=int, default=6, help="kills in a run (6)")
    parser.add_argument("--visits", type=float, default=25, help="people who come in a second, some 4 events each (25)")
    chosen = parser.parse_args()
    outcomes = []
    seeds = range(chosen.first_seed, chosen.first_seed + chosen.seeds)
    for outcome in run_all(seeds, chosen.kills, chosen.visits):
        outcomes.append(outcome)
        print(described(outcome), flush=True)
    figures = figures_of(outcomes, chosen.visits)
    print(f"written to {results.write('interaction_faults', 'python -m loadtest.interaction_faults', figures)}")
    sys.exit(not all(outcome.passed for outcome in outcomes))


if __name__ == "__main__":
    main()
