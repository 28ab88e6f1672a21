"""The object through which tests, the command line, the demo and the benchmarks run the native stack."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from types import TracebackType

from deploy.local import checks, process
from deploy.local.component import Component, Task
from deploy.local.errors import CheckFailed, StackError, StartFailed
from deploy.local.far_ends import amqp_url, far_ends, postgres_url
from deploy.local.infrastructure import infrastructure
from deploy.local.model_registry import mlflow
from deploy.local.paths import SEARCH_PATH, Layout
from deploy.local.ports import HOST, Ports
from deploy.local.process import ProcessRecord
from deploy.local.services import services, tables_task, topics_task

OnReady = Callable[[str, float], None]
_POLL_S = 0.1
SERVICES = (
    "ingest_mqtt",
    "ingest_sources",
    "process_readings",
    "process_predictions",
    "process_interactions",
    "sink_cassandra",
    "serve_api",
    "train_models",
)


def _refuse_strangers(host: str) -> None:
    try:
        loopback = IPv4Address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise StackError(
            f"refused to listen on {host}: the native stack has no credentials, so it takes IPv4 loopback addresses "
            f"only (such as {HOST}); for other machines use docker compose or a cluster with credentials"
        )


def _ignore(name: str, seconds: float) -> None:
    """The default of `on_ready`."""


class Stack:
    """Components under one folder, on one set of ports.

    >>> with Stack(tmp_path, Ports.free()) as stack:
    ...     stack.up("kafka", "mosquitto")
    ...     stack.kill("kafka")
    ...     stack.up("kafka")

    `workers` processes run process_readings and share its partitions. `environment` adds variables per component:
    `{"serve_api": {"SERVE_API_LOG_LEVEL": "DEBUG"}}`. Data stay on a restart. A stack finds what an earlier object on
    the same root started; leaving the `with` ends all of it.
    """

    def __init__(
        self,
        root: Path,
        ports: Ports,
        *,
        environment: Mapping[str, Mapping[str, str]] | None = None,
        host: str = HOST,
        workers: int = 1,
    ) -> None:
        _refuse_strangers(host)
        self.ports = ports
        self.host = host
        self.layout = Layout(root.resolve())
        self.components = {
            component.name: component
            for component in (
                *infrastructure(self.layout, ports, host, workers),
                *services(self.layout, ports, host, workers),
                mlflow(self.layout, ports, host),
                *far_ends(self.layout, ports, host),
            )
        }
        self._environment = {name: dict(values) for name, values in (environment or {}).items()}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._tasks_done: set[str] = set()
        self._tasks_lock = threading.Lock()

    def __enter__(self) -> Stack:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def brokers(self) -> str:
        """Kafka's bootstrap servers."""
        return f"{self.host}:{self.ports.kafka}"

    @property
    def postgres_url(self) -> str:
        """PostgreSQL's database with its role and password."""
        return postgres_url(self.ports, self.host)

    @property
    def amqp_url(self) -> str:
        """RabbitMQ's default virtual host with its default user and password."""
        return amqp_url(self.ports, self.host)

    def url(self, name: str) -> str:
        """The HTTP root of a service, of MLflow or of Prometheus, without a closing slash."""
        return f"http://{self.host}:{getattr(self.ports, name)}"

    def up(self, *names: str, on_ready: OnReady = _ignore) -> None:
        """Start these components and what they require, and wait until each is ready.

        Where none is named, all but the optional ones, without waiting for those that stand aside. What runs already is
        left as it is. `on_ready` is told each component and the seconds it took. Raises CheckFailed where a port is
        taken, StartFailed for the first component that does not come up.
        """
        wanted = self._with_required(names or self.usual())
        self._check_ports(wanted)
        for wave in self._waves(wanted):
            with ThreadPoolExecutor(len(wave)) as pool:
                begin = time.monotonic()
                list(pool.map(self.start, wave))
            awaited = [name for name in wave if name in names or not self.component(name).is_aside]
            self._wait_ready(awaited, None, begin, on_ready)

    @contextmanager
    def running(self, *names: str, on_ready: OnReady = _ignore) -> Iterator[None]:
        """As `up`, for the length of the block: at its end what did not run before is stopped, and only that."""
        stopped = self.stopped()
        try:
            self.up(*names, on_ready=on_ready)
            yield
        finally:
            if stopped:
                self.stop(*stopped)

    def start(self, name: str, environment: Mapping[str, str] | None = None) -> None:
        """Start one component, unless it runs, and return without waiting for it.

        Its set-up tasks run first, once per stack object, and need what the component requires. `environment` adds to
        the stack's own for this start only.
        """
        if self.is_running(name):
            return
        self.prepare(name)
        self._spawn(self.component(name), {**self.variables(name), **(environment or {})})

    def prepare(self, name: str) -> None:
        """Do what must precede a start: ports free, configuration rendered, set-up tasks done."""
        self._check_ports([name])
        self.component(name).prepare()
        for task in self.component(name).tasks:
            self.run_task(task)

    def variables(self, name: str) -> dict[str, str]:
        """The environment of a component: ours, its own, and what this stack object adds."""
        own = self.component(name).environment
        return {**os.environ, "PATH": SEARCH_PATH, **own, **self._environment.get(name, {})}

    def wait_ready(self, *names: str, timeout: float | None = None) -> None:
        """Return when each answers. Raises StartFailed with the log's tail when one ended or `timeout` seconds passed.

        The default is each component's own start time-out.
        """
        self._wait_ready(names, timeout, time.monotonic(), _ignore)

    def is_ready(self, name: str) -> bool:
        return self.is_running(name) and self.component(name).ready()

    def is_running(self, name: str) -> bool:
        return self.record(name) is not None

    def record(self, name: str) -> ProcessRecord | None:
        """The running process of a component, or None."""
        record = ProcessRecord.read(self.layout.record(self.component(name).name))
        return record if record and record.is_alive() else None

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal; after one that ends a process, return when it has ended. Raises StackError where none runs."""
        record = self.record(name)
        if record is None:
            raise StackError(f"{name} does not run")
        record.send(number)
        if number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            if not record.wait(self.component(name).stop_timeout):
                raise StackError(f"{name} did not end on {number.name}")
            self._reap(name)

    def stop(self, *names: str, timeout: float | None = None) -> None:
        """End these components (all, where none is named), those first that require others; nothing else is touched.

        The component's stop signal, and SIGKILL for what still runs after `timeout` seconds; the default is each
        component's own.
        """
        for wave in reversed(self._waves(names or tuple(self.components))):
            with ThreadPoolExecutor(len(wave)) as pool:
                list(pool.map(self._stop_one, wave, itertools.repeat(timeout)))

    def create_topics(self) -> None:
        """Create the topics of schemas/topics.yaml; Kafka must be ready."""
        self.run_task(topics_task(self.ports, self.host))

    def create_tables(self) -> None:
        """Bring Cassandra's tables to the newest migration; Cassandra must be ready."""
        self.run_task(tables_task(self.ports, self.host))

    def run_task(self, task: Task) -> None:
        """Run a set-up task, unless this stack object has. Raises StartFailed with its output."""
        with self._tasks_lock:
            if task.name not in self._tasks_done:
                self._run_once(task)

    def _run_once(self, task: Task) -> None:
        done = subprocess.run(
            task.command,
            env={**os.environ, **task.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            output = (done.stdout + done.stderr)[-4_000:]
            raise StartFailed(f"{task.name}: `{' '.join(task.command[1:])}` failed:\n{output}")
        self._tasks_done.add(task.name)

    def wipe(self) -> None:
        """Delete all data. Raises StackError while a component runs."""
        running = sorted(self.components.keys() - self.stopped())
        if running:
            raise StackError(f"stop {', '.join(running)} before deleting the data")
        shutil.rmtree(self.layout.data_folder, ignore_errors=True)
        self._tasks_done.clear()

    def usual(self) -> list[str]:
        """The components that `up` starts where none is named, in the declared order."""
        return [name for name, component in self.components.items() if not component.is_optional]

    def stopped(self) -> list[str]:
        """The components that do not run, in the declared order."""
        return [name for name in self.components if not self.is_running(name)]

    def log_path(self, name: str) -> Path:
        return self.layout.log(self.component(name).name)

    def log_tail(self, name: str, lines: int = 20) -> str:
        return process.tail(self.log_path(name), lines)

    def component(self, name: str) -> Component:
        """The declaration of a component. Raises StackError for a name that is none."""
        if name not in self.components:
            raise StackError(f"no component {name!r}: choose from {', '.join(self.components)}")
        return self.components[name]

    def _with_required(self, names: Iterable[str]) -> set[str]:
        wanted: set[str] = set()
        for name in names:
            wanted |= {name} | self._with_required(self.component(name).requires)
        return wanted

    def _waves(self, names: Iterable[str]) -> list[list[str]]:
        """Those that require nothing, then the others; each wave in the declared order."""
        chosen = {self.component(name).name for name in names}
        ordered = [component for component in self.components.values() if component.name in chosen]
        waves = [[c.name for c in ordered if not c.requires], [c.name for c in ordered if c.requires]]
        return [wave for wave in waves if wave]

    def _check_ports(self, names: Iterable[str]) -> None:
        stopped = [self.component(name) for name in names if not self.is_running(name)]
        taken = [line for component in stopped for line in checks.port_problems(component.ports, self.host)]
        if taken:
            raise CheckFailed(taken)

    def _wait_ready(self, names: Iterable[str], timeout: float | None, begin: float, on_ready: OnReady) -> None:
        waiting = [self.component(name) for name in names]
        while waiting:
            for component in tuple(waiting):
                took = time.monotonic() - begin
                if not self.is_running(component.name):
                    raise StartFailed(self._failure(component.name, "ended during its start"))
                if component.ready():
                    waiting.remove(component)
                    on_ready(component.name, took)
                elif took > (timeout or component.start_timeout):
                    raise StartFailed(self._failure(component.name, f"runs but was not ready after {took:.0f} s"))
            if waiting:
                time.sleep(_POLL_S)

    def _spawn(self, component: Component, environment: Mapping[str, str]) -> None:
        name = component.name
        self._reap(name)
        try:
            child = process.spawn(component.command, environment, self.layout.log(name), self.layout.root)
            self._children[name] = child
            ProcessRecord.of(child.pid).write(self.layout.record(name))
        except FileNotFoundError:
            raise StartFailed(f"{component.command[0]} is missing: run deploy/local/install.sh") from None
        except ProcessLookupError:
            raise StartFailed(self._failure(name, "ended at once")) from None

    def _stop_one(self, name: str, timeout: float | None) -> None:
        record = self.record(name)
        if record is not None:
            component = self.component(name)
            process.stop(record, component.stop_timeout if timeout is None else timeout, component.stop_signal)
        self._reap(name)
        self.layout.record(name).unlink(missing_ok=True)

    def _reap(self, name: str) -> None:
        child = self._children.pop(name, None)
        if child is not None:
            child.wait()

    def _failure(self, name: str, what: str) -> str:
        log = self.layout.log(name)
        return f"{name} {what}; the end of {log}:\n{self.log_tail(name)}"
