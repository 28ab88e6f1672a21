"""Checks a running pipeline against the history of what was sent: `python -m loadtest.check --help`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from loadtest.checker import Verdict, judge
from loadtest.history import Event, read
from loadtest.scan_cassandra import cassandra_session, stored_rows, stored_window_counts
from loadtest.scan_kafka import dead_letters, unread
from loadtest.window_counts import WindowDifference, compare, expected_counts


@dataclass(frozen=True)
class Findings:
    """The verdict, and how far the window counts are from the history; only the verdict can fail."""

    verdict: Verdict
    windows: WindowDifference


@dataclass(frozen=True)
class Stores:
    """Where the pipeline keeps things; `devices` is how the names of all devices in the history begin.

    What other devices sent is not looked at.
    """

    brokers: str
    cassandra_host: str
    cassandra_port: int
    devices: str = ""


def check(history: list[Event], stores: Stores) -> Findings:
    """Scans everything; call it when nothing is on its way any more."""
    behind = unread(stores.brokers)
    letters = [letter for letter in dead_letters(stores.brokers) if letter.device.startswith(stores.devices)]
    with cassandra_session(stores.cassandra_host, stores.cassandra_port) as session:
        rows = (row for row in stored_rows(session) if row.device.startswith(stores.devices))
        verdict = judge(history, rows, letters, behind)
        windows = stored_window_counts(session)
    ours = {key: count for key, count in windows.items() if key[0].startswith(stores.devices)}
    return Findings(verdict, compare(expected_counts(history), ours))


def main() -> None:
    """Prints the verdict; ends with 1 where the promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("history", type=Path, help="what the generator logged")
    parser.add_argument("--brokers", default="127.0.0.1:9092")
    parser.add_argument("--cassandra-host", default="127.0.0.1")
    parser.add_argument("--cassandra-port", type=int, default=9042)
    parser.add_argument("--devices", default="", help="how the names of the history's devices begin")
    arguments = vars(parser.parse_args())
    history = list(read(arguments.pop("history")))
    findings = check(history, Stores(**arguments))
    print(findings.verdict.summary())
    print(findings.windows)
    sys.exit(not findings.verdict.passed)


if __name__ == "__main__":
    main()
