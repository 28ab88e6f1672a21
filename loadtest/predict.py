"""Single predictions at a steady rate, on one core: `make bench NAME=predict`.

serve_api, on one core, answers a boosted churn model: 1,000 requests a second are offered in an open loop, as clients
send them that don't wait for each other. Each prediction is in Kafka before it is answered. In the same run, each in
its turn on the same core: an empty POST of the same web server, and MLflow's own server on the same ONNX graph. Then 20
promotions swap the model while the requests go on. Kafka and the generator share the other cores.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import msgspec
import psutil
import uvloop

from deploy.local.paths import PROJECT
from deploy.local.temporary import temporary_stack
from headrace.kafka import Producer
from headrace.models.records import PROMOTED, ModelVersion, Promotion
from headrace.models.signing import create_key_pair, read_signing_key
from headrace.records import encode, headers_of
from headrace.testing import wait_until
from loadtest import predict_peer, results
from loadtest.churn_model import NAME, REAL_ROWS, Fitted, fit, made_rows, real_rows
from loadtest.empty_endpoint import serve_empty
from loadtest.open_loop import Answers, OpenLoop, quantile, request_bytes

SWAPS = 20
_SERVER_CORE = 0
_WARM_S = 3.0
_HOST = "127.0.0.1"
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1"}
_PATHS = {"PYTHONPATH": os.pathsep.join((str(PROJECT / "services"), str(PROJECT), os.environ.get("PYTHONPATH", "")))}


class Server:
    """A process on the server's core.

    Args:
        command: starts it; it listens on `port`.
    """

    def __init__(self, command: Sequence[str], port: int, environment: Mapping[str, str]) -> None:
        self.port = port
        # MLflow starts `uvicorn` by its name.
        path = {"PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))}
        variables = {**os.environ, **path, **_PATHS, **_QUIET, **environment}
        pinned = ["taskset", "-c", str(_SERVER_CORE), *command]
        self._process = subprocess.Popen(pinned, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def cpu_seconds(self) -> float:
        """Of it and its workers."""
        own = psutil.Process(self._process.pid)
        times = [each.cpu_times() for each in (own, *own.children(recursive=True))]
        return float(sum(each.user + each.system for each in times))

    def rss(self) -> int:
        """Bytes of memory."""
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def stop(self) -> None:
        for child in psutil.Process(self._process.pid).children(recursive=True):
            child.terminate()
        self._process.terminate()
        self._process.wait(20)


class Case:
    """One server and what it is asked."""

    def __init__(self, name: str, server: Server, path: str, bodies: Sequence[bytes]) -> None:
        self.name = name
        self.server = server
        url = f"http://{_HOST}:{server.port}{path}"
        self.url = url
        self.requests = [request_bytes(url, body) for body in bodies]
        self._body = bodies[0]

    def wait(self) -> None:
        """Until it answers as it should."""
        json = {"Content-Type": "application/json"}

        def answers() -> bool:
            return httpx.post(self.url, content=self._body, headers=json, timeout=5).status_code == 200

        wait_until(answers, f"{self.name} to answer", timeout=120, every=0.2)

    def capacity(self, seconds: float) -> float:
        """Answers a second with 256 requests under way all the time."""
        return uvloop.run(OpenLoop(_HOST, self.server.port, self.requests).run_closed(seconds))

    def offer(self, rate: float, seconds: float) -> dict[str, float]:
        """Latencies at a rate."""
        uvloop.run(OpenLoop(_HOST, self.server.port, self.requests).run(rate, _WARM_S))
        before, began = self.server.cpu_seconds(), time.monotonic()
        answers = uvloop.run(OpenLoop(_HOST, self.server.port, self.requests).run(rate, seconds))
        used = (self.server.cpu_seconds() - before) / (time.monotonic() - began)
        return {**figures(answers, rate, seconds), "cores": round(used, 3)}


def figures(answers: Answers, rate: float, seconds: float) -> dict[str, float]:
    """Latencies in ms from the moment at which each request was to be sent; what failed; how late the generator was."""
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "p999_ms": 0.999}
    latencies = {name: round(quantile(answers.seconds, share) * 1e3, 2) for name, share in shares.items()}
    return {
        "offered_per_second": rate,
        "seconds": seconds,
        "answered": len(answers.seconds),
        "failed": answers.failed,
        **latencies,
        "generator_late_p99_ms": round(quantile(answers.late_s, 0.99) * 1e3, 2),
    }


class Promoter:
    """Promotes versions of the churn model."""

    def __init__(self, brokers: str) -> None:
        self._producer = Producer(brokers, "loadtest")
        self._revision = 0

    def promote(self, version: ModelVersion) -> float:
        """Gives the time at which Kafka had confirmed it."""
        self._revision += 1
        promotion = Promotion(NAME, self._revision, version, time.time_ns() // 1_000)
        self._producer.produce(PROMOTED, encode(promotion), NAME.encode(), headers_of(promotion))
        self._producer.flush(30)
        return time.monotonic()


def swap_under_load(case: Case, promoter: Promoter, versions: Sequence[ModelVersion], rate: float) -> dict[str, object]:
    """Promotes one version after the other while requests go on, and tells how long each took to answer."""
    seconds = len(versions) * 1.5 + 3
    took: list[float] = []

    def swap() -> None:
        with httpx.Client(base_url=f"http://{_HOST}:{case.server.port}") as http:
            for version in versions:
                time.sleep(1)
                began = promoter.promote(version)

                def runs(wanted: int = version.version) -> bool:
                    shown = http.get(f"/v1/models/{NAME}").json()["model"]["versions"]
                    return bool(shown[0]["version"] == wanted)

                wait_until(runs, "a swap", every=0.01)
                took.append(time.monotonic() - began)

    thread = threading.Thread(target=swap)
    thread.start()
    answers = uvloop.run(OpenLoop(_HOST, case.server.port, case.requests).run(rate, seconds))
    thread.join()
    return {"swaps": len(took), "longest_swap_s": round(max(took), 3), **figures(answers, rate, seconds)}


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind((_HOST, 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def running(
    name: str, command: Sequence[str], port: int, path: str, bodies: Sequence[bytes], **environment: str
) -> Iterator[Case]:
    """A server that answers."""
    server = Server(command, port, environment)
    try:
        case = Case(name, server, path, bodies)
        case.wait()
        yield case
    finally:
        server.stop()


def run_all(fitted: Fitted, rate: float, seconds: float, folder: Path) -> dict[str, object]:
    """All in turn."""
    key, public = folder / "models.pem", folder / "models.pub"
    create_key_pair(key, public)
    signing = read_signing_key(key)
    versions = [fitted.artifact(folder / f"v{number}", signing, number) for number in range(1, SWAPS + 2)]
    rows = fitted.rows[:2_000]
    own = [msgspec.json.encode(row) for row in rows]
    found: dict[str, object] = {"http": _http_parser(), "rows": len(fitted.rows)}
    with temporary_stack() as stack:
        stack.up("kafka")
        stack.create_topics()
        promoter = Promoter(stack.brokers)
        promoter.promote(versions[0])
        port = free_port()
        with running("empty", [sys.executable, "-m", "loadtest.predict", "--empty", str(port)], port, "/", own) as case:
            found["empty_post"] = measured(case, rate, seconds)
        port = free_port()
        # No Cassandra is there: predictions need none.
        settings = {"BROKERS": stack.brokers, "HTTP_PORT": str(port), "MODEL_KEYS": str(public), "LOG_LEVEL": "ERROR"}
        settings = {f"SERVE_API_{name}": value for name, value in settings.items()}
        path = f"/v1/models/{NAME}/predict"
        with running("serve_api", [sys.executable, "-m", "serve_api"], port, path, own, **settings) as case:
            found["serve_api"] = measured(case, rate, seconds)
            found["swaps"] = swap_under_load(case, promoter, versions[1:], rate)
            print("swaps", found["swaps"], flush=True)
    predict_peer.log_model(fitted, folder / "mlflow")
    port = free_port()
    bodies = [predict_peer.body(row) for row in rows[:500]]
    with running("mlflow", predict_peer.command(folder / "mlflow", port), port, "/invocations", bodies) as case:
        capacity = case.capacity(min(seconds, 10))
        # At the rate that it can't keep up with latency only says how long it was offered; at half of its own it can.
        offered = {"at_rate": case.offer(rate, min(seconds, 10)), "at_half": case.offer(capacity / 2, min(seconds, 10))}
        found["mlflow"] = {"capacity_per_second": round(capacity), **offered}
        print("mlflow", found["mlflow"], flush=True)
    return found


def measured(case: Case, rate: float, seconds: float) -> dict[str, float]:
    """Latency at the rate, then capacity."""
    offered = case.offer(rate, seconds)
    one = {**offered, "capacity_per_second": round(case.capacity(min(seconds, 10)))}
    print(case.name, one, flush=True)
    return one


def _http_parser() -> str:
    # Of the two that uvicorn takes, the one of C is used where it is installed.
    return "httptools" if find_spec("httptools") else "h11"


def main() -> None:
    """Measures, prints, and writes results/predict.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=1_000)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--empty", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.empty:
        serve_empty(_HOST, options.empty, "POST")
        return
    # What is started from here inherits it; the server's core is its own.
    os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - {_SERVER_CORE})
    real = PROJECT.parent / "shared" / "data" / REAL_ROWS
    rows, target = real_rows(real) if real.is_file() else made_rows(7_043)
    with TemporaryDirectory() as folder:
        found = run_all(fit(rows, target), options.rate, options.seconds, Path(folder))
    path = results.write("predict", "make bench NAME=predict", found)
    print(f"written to {path}")


if __name__ == "__main__":
    main()
