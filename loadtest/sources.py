"""Files into Kafka, beside the reader alone and a bare produce loop: `make bench NAME=sources`.

The same orders as CSV and as Parquet go through a source with five rules into a topic of its own. In the same run, each
in a process of its own: the reader library over the file, the source's reader (child process, checks, row numbers) over
it, and a loop that only hands the finished values to an idempotent producer. CPU is of the
process and its readers.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import polars as pl
import psutil
import pyarrow.csv  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]

from deploy.local.temporary import temporary_stack
from headrace.kafka import Producer
from headrace.testing import wait_until
from headrace.topics import Topic, create_topics
from ingest_sources.app import Parts
from ingest_sources.files.file_source import FileSource
from ingest_sources.readers.models import Limits, ReadOptions
from ingest_sources.readers.nursery import shared_nursery
from ingest_sources.readers.read_file import read_rows
from ingest_sources.settings import Settings
from loadtest import results

Work = Callable[[], None]
FORMATS = ("csv", "parquet")
RULES = [
    {"trim": ["sku"]},
    {"cast": {"columns": {"quantity": "integer", "price": "number"}}},
    {"time": {"from": ["at"], "formats": ["%Y-%m-%d %H:%M:%S"], "zone": "Europe/London", "into": "time"}},
    {"range": {"column": "quantity", "min": 1}},
    {"drop": ["at"]},
]


def write_orders(path: Path, rows: int) -> None:
    """Orders as a shop exports them: texts and numbers, some 60 bytes a row."""
    number = pl.int_range(rows, eager=True)
    table = pl.DataFrame({"order": number}).with_columns(
        sku=pl.format("SKU-{}", number % 5_000),
        quantity=number % 9 + 1,
        price=(number % 1_000) / 8,
        customer=pl.format("C{}", number % 20_000),
        at=(pl.lit(1_760_000_000) + number).cast(pl.Datetime("us")).dt.strftime("2025-11-%d %H:%M:%S"),
    )
    if path.suffix == ".csv":
        table.write_csv(path)
    else:
        table.write_parquet(path, row_group_size=100_000)


def by_library(path: Path, brokers: str) -> Work:
    """The reader library alone."""

    def csv() -> None:
        for _ in pyarrow.csv.open_csv(path, read_options=pyarrow.csv.ReadOptions(use_threads=False)):
            pass

    def parquet() -> None:
        for _ in pyarrow.parquet.ParquetFile(path).iter_batches(65_536, use_threads=False):
            pass

    return csv if path.suffix == ".csv" else parquet


def by_reader(path: Path, brokers: str) -> Work:
    """The source's reader alone."""

    def work() -> None:
        for _ in read_rows(path, path.name, ReadOptions(), Limits()):
            pass

    return work


def by_source(path: Path, brokers: str) -> Work:
    """The whole: rules, dead letters, ledger, transactions."""
    name = f"orders_{uuid4().hex[:8]}"
    source = FileSource.model_validate(
        {
            "name": name,
            "kind": "files",
            "folder": path.parent / name,
            "stable_seconds": 0,
            "rules": RULES,
            "into": {"topic": f"sources.{name}", "key": "{order}"},
        }
    )
    parts = Parts(Settings(brokers=brokers), source, threading.Event())
    run = parts.start()
    shutil.copy(path, parts.folder.path / path.name)

    def work() -> None:
        if run.work_off() != 1:
            raise SystemExit("the file was not loaded")

    return work


def by_produce(path: Path, brokers: str) -> Work:
    """A loop over finished values, without headers, rules or transactions."""
    topic = f"bench-{uuid4()}"
    new = Topic(name=topic, about="bare", key="order", record="raw", partitions=4, writers=())
    create_topics(brokers, {topic: new})
    producer = Producer(brokers, "bench", **{"queue.buffering.max.messages": 200_000})
    table = pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)
    keys = [str(order).encode() for order in table["order"].to_list()]
    values = table.write_ndjson().encode().split(b"\n")

    def work() -> None:
        for number, (key, value) in enumerate(zip(keys, values, strict=False), 1):
            producer.produce(topic, value, key)
            if number % 50_000 == 0:
                producer.flush(60)
        producer.flush(60)

    return work


WAYS: dict[str, Callable[[Path, str], Work]] = {
    "library": by_library,
    "reader": by_reader,
    "produce": by_produce,
    "source": by_source,
}


def measure(way: str, path: Path, brokers: str, rows: int) -> dict[str, float]:
    """Runs in a process of its own; what it needs before the first row is no part of the figures."""
    _start_nursery(path.parent)
    work = WAYS[way](path, brokers)
    before, began = _cpu(), time.monotonic()
    work()
    seconds = time.monotonic() - began
    return {"rows_per_second": rows / seconds, "cpu_us_per_row": (_cpu() - before) / rows * 1e6}


def _start_nursery(folder: Path) -> None:
    small = folder / "small.csv"
    small.write_text("a\n1\n")
    by_reader(small, "")()


def _cpu() -> float:
    """Seconds of this process, of the one that starts its readers, and of these, which are counted at their ends."""
    nursery = psutil.Process(shared_nursery().pid)
    wait_until(lambda: not nursery.children(), "the readers to end")
    own = psutil.Process().cpu_times()
    return own.user + own.system + sum(nursery.cpu_times()[:4])


def _in_a_process(way: str, path: Path, brokers: str, rows: int) -> dict[str, float]:
    command = [sys.executable, "-m", "loadtest.sources", "--way", way, "--file", str(path)]
    output = subprocess.check_output([*command, "--brokers", brokers, "--rows", str(rows)])
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


def run_all(rows: int, rounds: int) -> dict[str, object]:
    """All ways in turn over both formats, as often as asked."""
    found: dict[str, dict[str, list[dict[str, float]]]] = {f: {way: [] for way in WAYS} for f in FORMATS}
    with temporary_stack() as stack, tempfile.TemporaryDirectory() as folder:
        stack.up("kafka")
        stack.create_topics()
        for format_ in FORMATS:
            path = Path(folder) / f"orders.{format_}"
            write_orders(path, rows)
            for _ in range(rounds):
                for way in WAYS:
                    one = _in_a_process(way, path, stack.brokers, rows)
                    found[format_][way].append(one)
                    print(format_, way, {name: round(value, 2) for name, value in one.items()}, flush=True)
    figures: dict[str, object] = {"rows": rows}
    for format_, ways in found.items():
        spreads = {
            way: {name: results.spread([one[name] for one in each]) for name in each[0]} for way, each in ways.items()
        }
        ratio = spreads["source"]["rows_per_second"]["median"] / spreads["produce"]["rows_per_second"]["median"]
        figures[format_] = {**spreads, "source_beside_produce": ratio}
        print(f"{format_}: {ratio:.2f} of a bare produce loop")
    return figures


def main() -> None:
    """Measures, prints, and writes results/sources.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--brokers", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measure(options.way, options.file, options.brokers, options.rows)))
        return
    path = results.write("sources", "make bench NAME=sources", run_all(options.rows, options.rounds))
    print(f"written to {path}")


if __name__ == "__main__":
    main()
