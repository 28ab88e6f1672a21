"""The ten lines of each client's README, as they stand, against the real API."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.local.paths import PROJECT
from deploy.local.stack import Stack
from headrace.interactions.records import Interaction
from headrace.testing import wait_until
from headrace_client import Headrace, HeadraceError
from tests.integration.serve_api.client import Api
from tests.integration.serve_api.events_client import InKafka
from tests.node import run_module

pytestmark = pytest.mark.integration

CLIENTS = PROJECT / "clients"
CUP = "espresso-cup"
SENT = ["cart", "click", "purchase", "view"]


@pytest.fixture(scope="module")
def in_kafka(api: Api, stack: Stack) -> Iterator[InKafka]:
    found = InKafka(stack.brokers)
    yield found
    found.stop()


@pytest.fixture(scope="module")
def url(api: Api) -> str:
    """Of an API that knows the cup of the READMEs."""
    with Headrace(api.url) as client:
        client.put_items([{"item": CUP, "title": "Espresso cup", "category": "cups"}])
        wait_until(lambda: client.similar(CUP), "the cup in the catalog")
    return api.url


def _lines(readme: Path, language: str) -> str:
    """The first block of a README."""
    found = re.search(rf"```{language}\n(.*?)```", readme.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def _sent(in_kafka: InKafka, run: Callable[[], object]) -> list[Interaction]:
    """What came to Kafka of the cup while something ran."""

    def is_of_cup(record: Interaction) -> bool:
        return record.item == CUP

    before = len(in_kafka.interactions(is_of_cup, 0))
    run()
    return in_kafka.interactions(is_of_cup, before + len(SENT))[before:]


def _check(found: list[Interaction]) -> None:
    assert sorted(record.kind for record in found) == SENT
    assert len({record.subject for record in found}) == 1
    assert not any(record.flags for record in found)
    by_kind = {record.kind: record for record in found}
    assert by_kind["click"].recommendation and by_kind["click"].position == 0
    assert (by_kind["purchase"].value, by_kind["purchase"].quantity) == (19.0, 2)


def test_ten_lines_of_python(url: str, in_kafka: InKafka) -> None:
    lines = _lines(CLIENTS / "python" / "README.md", "python")
    assert len([line for line in lines.splitlines() if line]) == 10
    environment = {**os.environ, "HEADRACE_URL": url, "PYTHONPATH": str(CLIENTS / "python")}

    def run() -> None:
        command = [sys.executable, "-c", lines]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    _check(_sent(in_kafka, run))


def test_ten_lines_of_javascript(url: str, in_kafka: InKafka) -> None:
    lines = _lines(CLIENTS / "javascript" / "README.md", "js")
    assert len([line for line in lines.splitlines() if line]) == 10
    _check(_sent(in_kafka, lambda: run_module(lines, HEADRACE_URL=url)))


def test_what_a_client_did_can_be_read_and_erased(url: str) -> None:
    user = f"user-{uuid4().hex}"
    with Headrace(url, user=user) as client:
        assert client.recommendations(count=1)["id"]
        assert client.data()["user"] == user
        assert client.forget()["erased"]
        with pytest.raises(HeadraceError) as raised:
            client.data()
    assert raised.value.status == 404


def test_live_recommendations_come_at_once(url: str) -> None:
    with Headrace(url, session=uuid4().hex) as client:
        answer = next(client.live(count=3))
    assert len(answer["items"]) <= 3 and answer["surface"] == "home"
    (found,) = run_module(
        """
        import { Headrace } from "./headrace.js";
        const one = new Headrace();
        const stop = one.live((answer) => { print([answer.surface, answer.id.length]); stop(); }, { count: 3 });
        """,
        HEADRACE_URL=url,
    )
    assert found == ["home", 22]
