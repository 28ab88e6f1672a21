"""What every test may ask for: the real components, started once a session, and the shared data."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from deploy.local.paths import PROJECT
from deploy.local.stack import Stack
from deploy.local.temporary import temporary_stack

_SHARED_DATA = PROJECT.parent / "shared" / "data"
_JAVA = "JDK_JAVA_OPTIONS"


def pytest_configure(config: pytest.Config) -> None:
    """Has Java compile lightly: where it starts so often, the full compiler takes a third of its CPU."""
    os.environ[_JAVA] = f"-XX:TieredStopAtLevel=1 {os.environ.get(_JAVA, '')}".strip()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Has the collector leave alone what thousands of tests are made of, which it would walk again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Kafka with the topics of schemas/topics.yaml, Cassandra and mosquitto, on free ports, one for the whole session.

    A test that kills or stops something starts it again, or takes a `Stack` of its own. A test that needs the services
    calls `stack.up("ingest_mqtt", ...)` and stops them.
    """
    with temporary_stack() as stack:
        stack.up("kafka", "cassandra", "mosquitto")
        stack.create_topics()
        yield stack


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real inputs that lies beside a checkout, and not in it."""
    if not _SHARED_DATA.is_dir():
        pytest.skip("no ../shared/data beside this checkout: the real inputs are not part of the project")
    return _SHARED_DATA


_SKIPS_THAT_CI_ALLOWS = Path(__file__).with_name("allowed_skips.txt")


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """Under CI a skip that is not listed fails the run: a test that never runs shows nothing."""
    yield
    unlisted = _unlisted_skips(terminalreporter)
    if unlisted:
        terminalreporter.section("skips that tests/allowed_skips.txt does not list", red=True)
        terminalreporter.write("\n".join(unlisted) + "\n")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    # What plugins import for the summary asks the collector who holds an object.
    gc.unfreeze()
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and os.environ.get("CI") and _unlisted_skips(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _unlisted_skips(reporter: pytest.TerminalReporter) -> list[str]:
    allowed = [line for line in _SKIPS_THAT_CI_ALLOWS.read_text().splitlines() if line and not line.startswith("#")]
    reasons = [f"{report.nodeid}: {report.longrepr[2]}" for report in reporter.stats.get("skipped", [])]
    return [reason for reason in reasons if not any(part in reason for part in allowed)]
