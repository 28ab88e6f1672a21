"""PostgreSQL and RabbitMQ, which data sources read from: command line, configuration and readiness of each.

They stand for what a site runs already, so they start only where they are named.
"""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from deploy.local import probes
from deploy.local.component import Component, render
from deploy.local.errors import StartFailed
from deploy.local.paths import DEPLOY, Layout
from deploy.local.ports import Ports

# Not on the path: Debian keeps the programs of each release apart, and data belong to one release.
_POSTGRES_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
# The one on the path changes to the user `rabbitmq`, who may not write to the stack's folder.
_RABBITMQ_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_POSTGRES_USER = "headrace"
_POSTGRES_OWNER = "postgres"
# Where a program that `_on` starts finds the data folder.
_OPENED = "/proc/self/fd/9"
_SHARED_MEMORY = Path("/proc/sysvipc/shm")
_LEAVE_S = 10.0
_POLL_S = 0.05


def far_ends(layout: Layout, ports: Ports, host: str) -> list[Component]:
    return [postgres(layout, ports, host), rabbitmq(layout, ports, host)]


def postgres_url(ports: Ports, host: str) -> str:
    """Where a client connects. The role owns the database and may replicate; it is no superuser.

    Its password is no secret: it lets a client do what it does elsewhere, and a wrong one is refused.
    """
    return f"postgresql://{_POSTGRES_USER}:{_POSTGRES_USER}@{host}:{ports.postgres}/{_POSTGRES_USER}"


def amqp_url(ports: Ports, host: str) -> str:
    """Where an AMQP client connects, as RabbitMQ's default user to its default virtual host."""
    return f"amqp://guest:guest@{host}:{ports.rabbitmq}/%2F"


def postgres(layout: Layout, ports: Ports, host: str) -> Component:
    data = layout.data("postgres")

    def prepare() -> None:
        _require(_POSTGRES_PROGRAMS / "postgres")
        _initialise(data)
        _forget_killed(data)
        values = {"HOST": host, "PORT": str(ports.postgres), "USER": _POSTGRES_USER}
        for name in ("postgresql.conf", "pg_hba.conf"):
            render(DEPLOY / "postgres" / name, data / name, values)

    return Component(
        name="postgres",
        command=_on(data, "postgres", "-D", _OPENED),
        ports={"postgres": ports.postgres},
        prepare=prepare,
        ready=functools.partial(probes.postgres_answers, host, ports.postgres, _POSTGRES_USER),
        # On SIGTERM it waits until the last client has left.
        stop_signal=signal.SIGINT,
        is_optional=True,
    )


def rabbitmq(layout: Layout, ports: Ports, host: str) -> Component:
    config = layout.config("rabbitmq", "rabbitmq.conf")
    plugins = layout.config("rabbitmq", "enabled_plugins")
    data = layout.data("rabbitmq")

    def prepare() -> None:
        _require(_RABBITMQ_SERVER)
        data.mkdir(parents=True, exist_ok=True)
        render(DEPLOY / "rabbitmq" / config.name, config, {"HOST": host, "PORT": str(ports.rabbitmq)})
        plugins.write_text("[].\n")

    return Component(
        name="rabbitmq",
        command=(str(_RABBITMQ_SERVER),),
        ports={"rabbitmq": ports.rabbitmq, "rabbitmq_dist": ports.rabbitmq_dist},
        environment=_rabbitmq_variables(config, plugins, data, host, ports.rabbitmq_dist),
        prepare=prepare,
        ready=functools.partial(probes.amqp_answers, host, ports.rabbitmq),
        is_optional=True,
    )


def _require(program: Path) -> None:
    if not program.exists():
        raise StartFailed(f"{program} is missing: run deploy/local/install.sh")


def _on(data: Path, program: str, *arguments: str) -> tuple[str, ...]:
    """The command of a PostgreSQL program to which the folder `data` is `_OPENED`.

    PostgreSQL refuses root, so root runs it as Debian's user `postgres`. That user cannot walk the path to `data` where
    a folder above is closed to it, so the shell opens `data` before the change of user, and the program gets it as a
    descriptor. It starts in `/`, since it returns to where it started.
    """
    opened = ("sh", "-c", 'cd / && exec 9<"$0" && exec "$@"', str(data))
    owner = ("setpriv", f"--reuid={_POSTGRES_OWNER}", f"--regid={_POSTGRES_OWNER}", "--init-groups")
    return (*opened, *(owner if _is_root() else ()), str(_POSTGRES_PROGRAMS / program), *arguments)


def _is_root() -> bool:
    return os.geteuid() == 0


def _initialise(data: Path) -> None:
    """Make an empty server with the role and its database, unless there is one; a kill in between leaves none."""
    if data.exists():
        return
    partial = data.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700)
    if _is_root():
        shutil.chown(partial, _POSTGRES_OWNER, _POSTGRES_OWNER)
    # Not synced: until the first start there is nothing to lose.
    options = ("--no-sync", "--locale=C.UTF-8", "--encoding=UTF8", "--auth=reject", f"--username={_POSTGRES_OWNER}")
    _run(_on(partial, "initdb", "-D", _OPENED, *options))
    role = f"CREATE ROLE {_POSTGRES_USER} LOGIN REPLICATION CREATEDB PASSWORD '{_POSTGRES_USER}';\n"
    statements = f"{role}CREATE DATABASE {_POSTGRES_USER} OWNER {_POSTGRES_USER};\n"
    _run(_on(partial, "postgres", "--single", "-D", _OPENED, "postgres"), statements)
    partial.rename(data)


def _run(command: tuple[str, ...], given: str = "") -> None:
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StartFailed(f"PostgreSQL's data could not be made:\n{(done.stdout + done.stderr)[-2_000:]}")


def _forget_killed(data: Path) -> None:
    """Wait until the children of a killed server have left, then remove its process id.

    While one of them holds the shared memory PostgreSQL does not start. Nor does it while the id exists, which it does
    for a killed server that nobody reaps, as in a container without an init.
    """
    lock = data / "postmaster.pid"
    deadline = time.monotonic() + _LEAVE_S
    while _is_attached(lock):
        if time.monotonic() > deadline:
            raise StartFailed(f"processes of an earlier PostgreSQL still run on {data}: end them")
        time.sleep(_POLL_S)
    lock.unlink(missing_ok=True)


def _is_attached(lock: Path) -> bool:
    """Whether a process holds the shared memory segment whose key and id are the seventh line of the lock."""
    lines = lock.read_text().splitlines() if lock.exists() else []
    if len(lines) < 7 or not _SHARED_MEMORY.exists():
        return False
    segments = [line.split() for line in _SHARED_MEMORY.read_text().splitlines()[1:]]
    return any(fields[:2] == lines[6].split() and int(fields[6]) > 0 for fields in segments)


def _rabbitmq_variables(config: Path, plugins: Path, data: Path, host: str, dist_port: int) -> dict[str, str]:
    node = f"headrace@{host}"
    return {
        # The cookie by which Erlang nodes trust each other is made here.
        "HOME": str(data),
        "RABBITMQ_MNESIA_BASE": str(data / "mnesia"),
        "RABBITMQ_LOG_BASE": str(data / "log"),
        "RABBITMQ_LOGS": "-",
        "ERL_CRASH_DUMP": str(data / "erl_crash.dump"),
        "RABBITMQ_CONFIG_FILE": str(config),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
        # Neither exists: those of the machine's own broker are left alone.
        "RABBITMQ_CONF_ENV_FILE": str(config.with_name("rabbitmq-env.conf")),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(config.with_name("advanced.config")),
        # The data are bound to this name, so it does not change with a port. Nobody asks for it: see below.
        "RABBITMQ_NODENAME": node,
        "RABBITMQ_USE_LONGNAME": "true",
        # The script becomes the server instead of waiting for it, so that its process is the broker's.
        "RUNNING_UNDER_SYSTEMD": "true",
        # Erlang's name server would stay behind as a daemon. Without it a node's port is told and not asked for, and
        # the name goes in here, since RabbitMQ looks for the name server where it names the node itself.
        "ERL_FLAGS": f"-start_epmd false -erl_epmd_port {dist_port}",
        "ERL_EPMD_PORT": "0",
        # Two threads of work do for a source, however many cores there are; Ctrl-C ends it without a menu.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            f"-name {node} -kernel inet_dist_use_interface {{{host.replace('.', ',')}}} +S 2:2 +Bd"
        ),
        # rabbitmqctl with these variables finds the node, and itself listens nowhere.
        "RABBITMQ_CTL_ERL_ARGS": "-dist_listen false",
    }
