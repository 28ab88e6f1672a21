"""A table of PostgreSQL into Kafka, beside the same table by psql: `make bench NAME=database`.

The same rows go through a source of kind `database` that reads the whole table, into a topic of its own. In the same
run, each in a process of its own: `psql -c "\\copy ... to /dev/null"`, and the source's reader without rules and Kafka.
CPU is that of the process, without the server's.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from sqlalchemy import NullPool, create_engine, make_url, text

from deploy.local.temporary import temporary_stack
from ingest_sources.app import FeedParts
from ingest_sources.databases.database_source import DatabaseSource
from ingest_sources.settings import Settings
from loadtest import results

Work = Callable[[], None]
SECRET = "shop"  # noqa: S105 - a file's name
_DEBIAN_PSQL = "/usr/lib/postgresql/15/bin/psql"
_TABLE = """
    CREATE TABLE orders AS SELECT n AS id, 'SKU-' || n % 5000 AS sku, n % 9 + 1 AS quantity,
        (n % 1000 / 8.0)::numeric(9, 3) AS price, n % 7 = 0 AS is_gift, 'C' || n % 20000 AS customer,
        n / 3.0::float8 AS weight, timestamptz '2025-11-01' + n * interval '1 second' AS at
    FROM generate_series(1, :rows) n
"""


class Case:
    """Where the rows are and where they go.

    Args:
        url: of the database, with its password.
    """

    def __init__(self, url: str, brokers: str, rows: int, folder: Path) -> None:
        self.url = make_url(url)
        self.rows = rows
        self.settings = Settings(brokers=brokers, secrets=folder, data=folder)

    def fill(self, folder: Path) -> None:
        """Makes the table and the secret."""
        secret = folder / SECRET
        secret.touch(mode=0o600)
        secret.write_text(str(self.url.password))
        engine = create_engine(self.url.set(drivername="postgresql+psycopg2"), poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(text(_TABLE), {"rows": self.rows})
            connection.execute(text("ALTER TABLE orders ADD PRIMARY KEY (id)"))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE orders"))

    def parts(self) -> FeedParts:
        """A source of its own."""
        name = f"orders_{uuid4().hex[:8]}"
        url = f"postgresql://{self.url.username}@{self.url.host}:{self.url.port}/{self.url.database}"
        content = {
            "name": name,
            "kind": "database",
            "database": {"url": url, "password_secret": SECRET, "schema": "public", "table": "orders"},
            "into": {"topic": f"sources.{name}", "key": "{id}"},
        }
        return FeedParts(self.settings, DatabaseSource.model_validate(content), threading.Event())


def by_psql(case: Case) -> Work:
    """PostgreSQL's own client."""
    program = shutil.which("psql") or _DEBIAN_PSQL
    command = [program, case.url.render_as_string(hide_password=False), "-c", r"\copy orders to /dev/null"]

    def work() -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    return work


def by_reader(case: Case) -> Work:
    """The source's reader alone."""
    connect = case.parts().connect

    def work() -> None:
        with closing(connect()) as feed:
            read = sum(section.rows.table.height for part in feed.parts(None) if part for section in part.sections)
        if read != case.rows:
            raise SystemExit(f"{read} rows were read")

    return work


def by_source(case: Case) -> Work:
    """The whole: rows, records, ledger, transactions."""
    run = case.parts().start()

    def work() -> None:
        run.run_once()
        if run.entry.delivered != case.rows:
            raise SystemExit(f"{run.entry.delivered} rows were delivered")

    return work


WAYS: dict[str, Callable[[Case], Work]] = {"psql": by_psql, "reader": by_reader, "source": by_source}


def measure(way: str, case: Case) -> dict[str, float]:
    """Runs in a process of its own; what it needs before the first row is no part of the figures."""
    work = WAYS[way](case)
    before, began = _cpu(), time.monotonic()
    work()
    seconds = time.monotonic() - began
    return {"rows_per_second": case.rows / seconds, "cpu_us_per_row": (_cpu() - before) / case.rows * 1e6}


def _cpu() -> float:
    """Seconds of this process and of psql."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def run_all(rows: int, rounds: int) -> dict[str, object]:
    """All ways in turn, as often as asked."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with temporary_stack() as stack, TemporaryDirectory() as folder:
        stack.up("kafka", "postgres")
        stack.create_topics()
        Case(stack.postgres_url, stack.brokers, rows, Path(folder)).fill(Path(folder))
        for _ in range(rounds):
            for way in WAYS:
                command = [sys.executable, "-m", "loadtest.database", "--way", way, "--rows", str(rows)]
                given = {"BENCH_URL": stack.postgres_url, "BENCH_BROKERS": stack.brokers, "BENCH_FOLDER": folder}
                one = json.loads(subprocess.check_output(command, env={**os.environ, **given}).splitlines()[-1])
                found[way].append(one)
                print(way, {name: round(value, 2) for name, value in one.items()}, flush=True)
    spreads = {
        way: {name: results.spread([one[name] for one in each]) for name in each[0]} for way, each in found.items()
    }
    ratio = spreads["source"]["rows_per_second"]["median"] / spreads["psql"]["rows_per_second"]["median"]
    print(f"{ratio:.2f} of psql's rows a second")
    return {"rows": rows, "columns": 8, **spreads, "source_beside_psql": ratio}


def main() -> None:
    """Measures, prints, and writes results/database.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        given = os.environ
        case = Case(given["BENCH_URL"], given["BENCH_BROKERS"], options.rows, Path(given["BENCH_FOLDER"]))
        print(json.dumps(measure(options.way, case)))
        return
    path = results.write("database", "make bench NAME=database", run_all(options.rows, options.rounds))
    print(f"written to {path}")


if __name__ == "__main__":
    main()
