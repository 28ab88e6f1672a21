"""The API as a process of its own, on the session's Cassandra and Kafka."""

import secrets
from collections.abc import Iterator

import pytest

from deploy.local.stack import Stack
from tests.integration.serve_api.api_process import models_folder, start_api
from tests.integration.serve_api.client import Api
from tests.integration.serve_api.served_model import ServedModel
from tests.integration.serve_api.tables import Tables, connected
from tests.served_models import ModelMaker


@pytest.fixture(scope="package")
def api(stack: Stack) -> Iterator[Api]:
    start_api(stack)
    stack.wait_ready("serve_api")
    yield Api(stack.url("serve_api"))
    stack.stop("serve_api")


@pytest.fixture(scope="package")
def tables(stack: Stack, api: Api) -> Iterator[Tables]:
    with connected(stack.brokers, stack.ports.cassandra) as tables:
        yield tables


@pytest.fixture(scope="package")
def maker(stack: Stack) -> ModelMaker:
    """Makes models that the API trusts."""
    folder = models_folder(stack)
    folder.mkdir(parents=True, exist_ok=True)
    return ModelMaker(folder)


@pytest.fixture
def model(api: Api, stack: Stack) -> Iterator[ServedModel]:
    """A model of a name that no other test uses; nothing is promoted yet."""
    with ServedModel.of(api.url, stack.brokers) as served:
        yield served


@pytest.fixture
def device() -> str:
    """A device that no other test uses; its name holds a slash, as Zigbee2MQTT's do."""
    return f"tests/{secrets.token_hex(6)}"
