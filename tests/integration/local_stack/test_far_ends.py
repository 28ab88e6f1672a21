"""PostgreSQL and RabbitMQ start only where they are named, keep what they accepted, and leave nothing behind."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy.local.ports import Ports
from deploy.local.stack import Stack
from deploy.local.temporary import temporary_stack
from headrace.testing import wait_until

pytestmark = pytest.mark.integration
FAR_ENDS = ("postgres", "rabbitmq")


@pytest.fixture(scope="module")
def far_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """In a folder that only its owner can enter."""
    with temporary_stack(tmp_path_factory.mktemp("far")) as stack:
        yield stack


@pytest.fixture
def far(far_stack: Stack) -> Stack:
    """Both run; a test may end them."""
    far_stack.up(*FAR_ENDS)
    return far_stack


def test_they_do_not_start_where_nothing_is_named(tmp_path: Path) -> None:
    stack = Stack(tmp_path, Ports.defaults())
    assert set(stack.components) - set(stack.usual()) == set(FAR_ENDS)


@pytest.mark.parametrize(("name", "program"), [("postgres", "postgres"), ("rabbitmq", "beam.smp")])
def test_the_recorded_process_is_the_server_and_only_this_machine_reaches_it(
    far: Stack, name: str, program: str
) -> None:
    """The kernel may hide from us which connections are the server's, where it runs as another user."""
    server, ports = process_of(far, name), far.component(name).ports.values()
    listeners = [found for found in psutil.net_connections("inet") if found.status == psutil.CONN_LISTEN]
    of_port = (found for found in listeners if found.laddr and found.laddr.port in ports)
    own = {found.laddr for found in (*of_port, *(found for found in listeners if found.pid == server.pid))}
    assert server.name() == program
    assert own == {(far.host, port) for port in ports}


def test_postgres_keeps_a_commit_through_kill_9(far: Stack) -> None:
    """Killed through another object, so that nobody reaps the old server while the new one starts."""
    sql(far, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)")
    other = Stack(far.layout.root, far.ports)
    other.kill("postgres")
    other.up("postgres")
    assert sql(far, "SELECT id FROM kept") == "7"
    other.stop("postgres")


def test_postgres_feeds_logical_replication(far: Stack) -> None:
    sql(far, "CREATE TABLE changed (id int)")
    sql(far, "SELECT pg_create_logical_replication_slot('changes', 'test_decoding')")
    sql(far, "INSERT INTO changed VALUES (1)")
    changes = sql(far, "SELECT data FROM pg_logical_slot_get_changes('changes', NULL, NULL)")
    assert "table public.changed: INSERT: id[integer]:1" in changes


@pytest.mark.parametrize(
    ("user", "answer"), [("headrace:wrong", "password authentication failed"), ("postgres", "no pg_hba.conf entry")]
)
def test_postgres_refuses_a_wrong_password_and_its_superuser(far: Stack, user: str, answer: str) -> None:
    done = psql(far.postgres_url.replace("headrace:headrace", user), "SELECT 1")
    assert done.returncode != 0
    assert answer in done.stderr


def test_postgres_ends_in_order_while_a_client_is_connected(far: Stack) -> None:
    client = subprocess.Popen(["psql", far.postgres_url, "-c", "SELECT pg_sleep(60)"], stderr=subprocess.DEVNULL)
    with client:
        busy = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%sleep(60)' AND pid <> pg_backend_pid()"
        wait_until(lambda: sql(far, busy) == "1", "the client's query")
        far.stop("postgres")
    assert "database system is shut down" in far.log_tail("postgres", 3)


def test_rabbitmq_keeps_a_confirmed_message_through_kill_9(far: Stack) -> None:
    """The queue is not of the last moment: RabbitMQ confirms its declaration up to two seconds before it is on disk."""
    with channel(far) as (amqp, pika):
        amqp.confirm_delivery()
        amqp.queue_declare("kept", durable=True)
        assert evaluate(far, "sys:get_state(mnesia_recover), disk_log:sync(latest_log).") == "ok"
        amqp.basic_publish("", "kept", b"body", pika.BasicProperties(delivery_mode=2), mandatory=True)
    far.kill("rabbitmq")
    far.up("rabbitmq")
    with channel(far) as (amqp, _):
        amqp.queue_declare("kept", passive=True)
        assert amqp.basic_get("kept", auto_ack=True)[2] == b"body"


def test_rabbitmqctl_finds_the_node_whose_watch_starts_no_name_server(far: Stack) -> None:
    """RabbitMQ looks every minute whether Erlang's name server runs; here it looks at once."""
    look = "rabbit_epmd_monitor ! check, element(1, sys:get_state(rabbit_epmd_monitor))."
    assert evaluate(far, look) == "state"
    assert "epmd" not in [process.name() for process in processes_at_home(far.layout.data("rabbitmq"))]


@pytest.mark.parametrize("name", FAR_ENDS)
def test_a_stop_and_a_kill_leave_no_process_behind(far: Stack, name: str) -> None:
    killed = family(far, name)
    far.kill(name)
    wait_until(lambda: not any(runs(process) for process in killed), "the children of a killed one to leave")
    far.up(name)
    stopped = family(far, name)
    far.stop(name)
    assert not any(runs(process) for process in stopped)
    assert not processes_at_home(far.layout.data(name))


def process_of(stack: Stack, name: str) -> psutil.Process:
    record = stack.record(name)
    assert record is not None
    return psutil.Process(record.pid)


def family(stack: Stack, name: str) -> list[psutil.Process]:
    """The server and what it started."""
    server = process_of(stack, name)
    children = server.children(recursive=True)
    assert children
    return [server, *children]


def runs(process: psutil.Process) -> bool:
    """Whether it has not ended; one that nobody has reaped yet has."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def processes_at_home(home: Path) -> list[psutil.Process]:
    """Also those that have left the server's family, such as Erlang's name server, keep its variables."""
    every = psutil.process_iter(["environ"])
    return [process for process in every if (process.info["environ"] or {}).get("HOME") == str(home)]


def psql(url: str, statements: str) -> subprocess.CompletedProcess[str]:
    command = ["psql", url, "--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "-c", statements]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def sql(stack: Stack, statements: str) -> str:
    done = psql(stack.postgres_url, statements)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def evaluate(stack: Stack, expression: str) -> str:
    """The value of an Erlang expression in the broker."""
    command = ["/usr/lib/rabbitmq/bin/rabbitmqctl", "--quiet", "eval", expression]
    done = subprocess.run(command, env=stack.variables("rabbitmq"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def channel(stack: Stack) -> Iterator[tuple[Any, Any]]:
    """A channel and the module pika, which has no types."""
    pika = pytest.importorskip("pika")
    connection = pika.BlockingConnection(pika.URLParameters(stack.amqp_url))
    try:
        yield connection.channel(), pika
    finally:
        connection.close()
