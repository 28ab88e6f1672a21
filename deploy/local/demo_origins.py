"""What the demo's sources read: a table, an API, a queue, a topic and files, filled with this machine's own figures.

A process of its own, `python -m deploy.local.demo_origins`, so that it can be ended as the devices are. An end that is
away is filled again when it is back.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pika
import psutil
import psycopg2

from headrace.kafka import Producer
from headrace.topics import Topic, create_topics

_EVERY_S = 1.0
_FILE_EVERY_S = 5.0
_PAGE = 50
_KEPT = 5_000
_TOPIC = Topic(name="demo.cores", about="", key="core", record="raw", partitions=2, retention_days=1, writers=())
_TABLE = """
CREATE TABLE IF NOT EXISTS disks (
    id bigserial PRIMARY KEY, device text NOT NULL, time timestamptz NOT NULL DEFAULT clock_timestamp(),
    used_percent double precision NOT NULL, free_mb double precision NOT NULL
)"""
_INSERT = "INSERT INTO disks (device, used_percent, free_mb) VALUES (%(device)s, %(used_percent)s, %(free_mb)s)"
log = logging.getLogger("demo_origins")
Row = dict[str, Any]


def disks() -> Iterable[Row]:
    """A row for each mounted disk."""
    # A container may show no disk of its own.
    for mount in {part.mountpoint for part in psutil.disk_partitions()} or {"/"}:
        use = psutil.disk_usage(mount)
        yield {"device": mount.strip("/") or "root", "used_percent": use.percent, "free_mb": round(use.free / 1e6, 1)}


def networks() -> Iterable[Row]:
    """A row for each network interface."""
    for name, counts in psutil.net_io_counters(pernic=True).items():
        yield {"interface": name, "sent_bytes": counts.bytes_sent, "received_bytes": counts.bytes_recv}


def processes(records: Path) -> Iterable[Row]:
    """A row for each process of this stack."""
    for record in sorted(records.glob("*.json")):
        try:
            process = psutil.Process(json.loads(record.read_text())["pid"])
            memory_mb = round(process.memory_info().rss / 1e6, 1)
            yield {"process": record.stem, "memory_mb": memory_mb, "threads": process.num_threads()}
        except (OSError, ValueError, KeyError, psutil.Error):
            # It is starting or has ended.
            continue


def cores() -> Iterable[Row]:
    """A row for each core."""
    for number, percent in enumerate(psutil.cpu_percent(percpu=True)):
        yield {"core": f"core-{number}", "percent": percent}


class Api:
    """`GET /v1/networks?after=ID&cursor=ID`: rows with an id over both, a page at a time."""

    def __init__(self) -> None:
        self._rows: deque[Row] = deque(maxlen=_KEPT)
        # Ids go on after a restart, as those of a database would.
        self._last = time.time_ns() // 1_000_000

    def add(self) -> None:
        for row in networks():
            self._last += 1
            self._rows.append({"id": self._last, "time": time.time(), **row})

    def page(self, query: dict[str, list[str]]) -> Row:
        after = max(int(query.get(name, ["0"])[0]) for name in ("after", "cursor"))
        found = [row for row in list(self._rows) if row["id"] > after]
        page = found[:_PAGE]
        return {"items": page, "next": page[-1]["id"] if len(found) > _PAGE else None}

    def server(self, host: str, port: int) -> ThreadingHTTPServer:
        """Not yet serving."""
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(api.page(parse_qs(urlsplit(self.path).query))).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        return ThreadingHTTPServer((host, port), Handler)


def fill_table(url: str, stop: threading.Event) -> None:
    """A row a second for each disk."""
    connection = psycopg2.connect(url, connect_timeout=5)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(_TABLE)
        while not stop.wait(_EVERY_S):
            with connection, connection.cursor() as cursor:
                for row in disks():
                    cursor.execute(_INSERT, row)
    finally:
        connection.close()


def fill_queue(url: str, records: Path, stop: threading.Event) -> None:
    """A message a second for each process of the stack, confirmed by the broker."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.queue_declare("processes", durable=True)
        channel.confirm_delivery()
        while not stop.wait(_EVERY_S):
            for row in processes(records):
                properties = pika.BasicProperties(delivery_mode=2, content_type="application/json")
                channel.basic_publish("", "processes", json.dumps({"time": time.time(), **row}), properties)


def fill_topic(brokers: str, stop: threading.Event) -> None:
    """A record a second for each core."""
    create_topics(brokers, {_TOPIC.name: _TOPIC})
    producer = Producer(brokers, "demo_origins")
    while not stop.wait(_EVERY_S):
        for row in cores():
            producer.produce(_TOPIC.name, json.dumps({"time": time.time(), **row}).encode(), row["core"].encode())
        producer.flush(30)


def drop_files(folder: Path, stop: threading.Event) -> None:
    """A file every few seconds, with the load of each second in between."""
    rows: list[str] = []
    while not stop.wait(_EVERY_S):
        load = psutil.getloadavg()
        rows.append(f"file/load,{time.time():.3f},{load[0]:.2f},{load[1]:.2f},{load[2]:.2f}\n")
        if len(rows) >= _FILE_EVERY_S / _EVERY_S:
            folder.mkdir(parents=True, exist_ok=True)
            part = folder / f"load-{time.time_ns()}.csv.part"
            part.write_text("device,time,load_1m,load_5m,load_15m\n" + "".join(rows))
            part.rename(part.with_suffix(""))
            rows.clear()


def serve(api: Api, host: str, port: int, stop: threading.Event) -> None:
    """The API, with a row a second for each network."""
    with api.server(host, port) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        while not stop.wait(_EVERY_S):
            api.add()
        server.shutdown()


def _until(stop: threading.Event, name: str, work: Callable[[], None]) -> None:
    """Does work until the end, again after each failure: these are far ends, which come and go."""
    while not stop.is_set():
        try:
            work()
        except Exception:
            log.warning("%s is filled again", name, exc_info=True)
            stop.wait(_EVERY_S)


def main() -> None:
    """Fills all five until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("postgres", "amqp", "brokers", "host"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--api-port", type=int, required=True)
    parser.add_argument("--inbox", type=Path, required=True, help="folder of the source of files")
    parser.add_argument("--records", type=Path, required=True, help="folder of the stack's process records")
    chosen = parser.parse_args()
    logging.basicConfig()
    stop, api = threading.Event(), Api()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    works: dict[str, Callable[[], None]] = {
        "the table": lambda: fill_table(chosen.postgres, stop),
        "the queue": lambda: fill_queue(chosen.amqp, chosen.records, stop),
        "the topic": lambda: fill_topic(chosen.brokers, stop),
        "the API": lambda: serve(api, chosen.host, chosen.api_port, stop),
        "the folder": lambda: drop_files(chosen.inbox, stop),
    }
    threads = [threading.Thread(target=_until, args=(stop, name, work)) for name, work in works.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
