"""A promotion is in every process within two seconds, and no request fails meanwhile."""

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise

import httpx
import pytest

from deploy.local.stack import Stack
from headrace.testing import wait_until
from tests.integration.serve_api.api_process import environment
from tests.integration.serve_api.client import TIMEOUT_S, Api
from tests.integration.serve_api.served_model import ServedModel
from tests.served_models import ROW, ModelMaker, score_of

pytestmark = pytest.mark.integration

SWAPS = 5
WITHIN_S = 2.0


@pytest.fixture(scope="module")
def second(stack: Stack, api: Api) -> Iterator[Api]:
    """Another process of the API."""
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    variables = {**stack.variables("serve_api"), **environment(stack), "SERVE_API_HTTP_PORT": str(port)}
    process = subprocess.Popen(stack.component("serve_api").command, env=variables)
    try:
        other = Api(f"http://127.0.0.1:{port}")
        wait_until(lambda: other.get("/readyz").status_code == 200, "the second API to be ready")
        yield other
    finally:
        process.terminate()
        process.wait(TIMEOUT_S)


class Traffic:
    """Asks one process without a pause; knows when each version answered, and what else was answered."""

    def __init__(self, url: str, stop: threading.Event) -> None:
        self.answers: list[tuple[float, int, float]] = []
        self.failures: list[str] = []
        self._url = url
        self._stop = stop

    def run(self) -> None:
        with httpx.Client(timeout=TIMEOUT_S) as http:
            while not self._stop.is_set():
                asked = time.monotonic()
                answer = http.post(self._url, json=ROW)
                if answer.status_code != 200:
                    self.failures.append(answer.text)
                    continue
                found = answer.json()
                self.answers.append((asked, found["version"], found["probability"]))

    def first_of(self, version: int) -> float:
        return next(asked for asked, found, _ in self.answers if found == version)


def test_every_process_swaps_within_two_seconds_and_no_request_fails(
    api: Api, second: Api, model: ServedModel, maker: ModelMaker
) -> None:
    weights = {maker.made + 1 + number: number / 10 for number in range(SWAPS + 1)}
    versions = [maker.make(model.name, weight) for weight in weights.values()]
    model.promote(versions[0])
    wait_until(lambda: second.get(f"/v1/models/{model.name}").status_code == 200, "the second API to know the model")
    path = f"/v1/models/{model.name}/predict"
    wait_until(lambda: httpx.post(f"{second.url}{path}", json=ROW).status_code == 200, "the second API to answer")
    stop = threading.Event()
    traffic = [Traffic(f"{each.url}{path}", stop) for each in (api, second) for _ in range(2)]
    promoted: dict[int, float] = {}
    with ThreadPoolExecutor(len(traffic)) as pool:
        futures = [pool.submit(each.run) for each in traffic]
        try:
            for version in versions[1:]:
                promoted[version.version] = model.announce(version)
                for each in traffic:
                    wait_until(lambda each=each: each.first_of(version.version), "the swap", every=0.01)  # type: ignore[misc]  # noqa: B023
        finally:
            stop.set()
        for future in futures:
            future.result()
    for each in traffic:
        assert each.failures == []
        assert all(before[1] <= after[1] for before, after in pairwise(each.answers))
        assert all(score == pytest.approx(score_of(ROW, weights[version])) for _, version, score in each.answers)
        late = {version: each.first_of(version) - at for version, at in promoted.items()}
        assert max(late.values()) < WITHIN_S, late


def test_a_process_that_starts_is_ready_when_what_is_promoted_answers(
    second: Api, model: ServedModel, maker: ModelMaker, stack: Stack
) -> None:
    version = maker.make(model.name)
    model.promote(version)
    stack.stop("serve_api")
    stack.start("serve_api", environment(stack))
    stack.wait_ready("serve_api")
    assert model.predict(ROW)["version"] == version.version
