"""The API and the sink on the session's Kafka and Cassandra."""

from collections.abc import Iterator

import pytest

from deploy.local.stack import Stack
from tests.integration.serve_api.api_process import start_api
from tests.integration.serve_api.client import Api


@pytest.fixture(scope="package")
def api(stack: Stack) -> Iterator[Api]:
    start_api(stack)
    stack.start("sink_cassandra")
    stack.wait_ready("serve_api", "sink_cassandra")
    yield Api(stack.url("serve_api"))
    stack.stop("serve_api", "sink_cassandra")
