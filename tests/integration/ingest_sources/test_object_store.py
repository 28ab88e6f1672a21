"""Objects of S3 on a local moto server and real Kafka: each is loaded once, and stays where it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

from headrace.errors import ConfigurationError, TransientError
from ingest_sources.files.object_store import ObjectStore
from tests.integration.ingest_sources.bench import SourceBench, expected, orders

pytestmark = [
    pytest.mark.integration,
    # botocore still asks for the time without a zone.
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
]


class Bucket:
    """A bucket on a server; moto keeps what is in buckets for all servers of a process."""

    def __init__(self, server: ThreadedMotoServer) -> None:
        self.name = f"exports-{uuid4().hex[:8]}"
        host, port = server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="reader",
            aws_secret_access_key="secret",  # noqa: S106 - of a server that asks for none
        )
        self._client.create_bucket(Bucket=self.name)

    def put(self, name: str, content: str) -> None:
        self._client.put_object(Bucket=self.name, Key=name, Body=content.encode())

    def names(self) -> set[str]:
        return {each["Key"] for each in self._client.list_objects_v2(Bucket=self.name).get("Contents", [])}

    def options(self) -> dict[str, Any]:
        return {"key": "reader", "secret": "secret:s3", "client_kwargs": {"endpoint_url": self.endpoint}}


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield Bucket(server)
    finally:
        server.stop()


@pytest.fixture
def fetching(bench: SourceBench, bucket: Bucket) -> SourceBench:
    bench.secret("s3", "secret")
    fetch = {"url": f"s3://{bucket.name}/daily/", "options": bucket.options()}
    bench.configure(fetch=fetch, pattern="*.csv")
    return bench


def loaded(bench: SourceBench) -> set[str]:
    return {key for key, times in bench.keys().items() if times == 1}


def test_objects_are_loaded_once_also_after_a_kill_and_a_lost_note(fetching: SourceBench, bucket: Bucket) -> None:
    names = {"daily/1.csv", "daily/2011/2.csv", "daily/readme.txt", "other/3.csv"}
    for number, name in enumerate(sorted(names)):
        bucket.put(name, orders(1_000 * number, 300))
    due = expected(0, 300)[0] | expected(1_000, 300)[0]
    fetching.kill_at("produced", 2)
    fetching.load()
    assert loaded(fetching) == due
    assert fetching.names("archive") == {"1.csv", "2011__2.csv"}
    (fetching.folder / ".fetched").unlink()
    fetching.load()
    assert loaded(fetching) == due
    assert bucket.names() == names


def test_object_that_is_replaced_is_another_file(fetching: SourceBench, bucket: Bucket) -> None:
    bucket.put("daily/1.csv", orders(0, 10))
    fetching.load()
    fetching.load()
    assert fetching.names("archive") == {"1.csv"}
    bucket.put("daily/1.csv", orders(100, 10))
    fetching.load()
    assert fetching.names("archive") == {"1.csv", "1.1.csv"}
    assert loaded(fetching) == expected(0, 10)[0] | expected(100, 10)[0]


def test_object_with_a_name_that_no_file_can_have_is_loaded_as_well(fetching: SourceBench, bucket: Bucket) -> None:
    bucket.put("daily/" + "deep/" * 60 + "a.csv", orders(0, 10))
    bucket.put("daily/.hidden.csv", orders(100, 10))
    fetching.load()
    assert loaded(fetching) == expected(0, 10)[0] | expected(100, 10)[0]


def test_store_that_is_away_or_refuses_is_told(bucket: Bucket) -> None:
    options = {"key": "a", "secret": "b", "client_kwargs": {"endpoint_url": bucket.endpoint}}
    with pytest.raises(ConfigurationError, match="can't be read"):
        ObjectStore("s3://nowhere/daily/", options).objects()
    away = {
        **options,
        "client_kwargs": {"endpoint_url": "http://127.0.0.1:1"},
        "config_kwargs": {"retries": {"total_max_attempts": 1}},
    }
    with pytest.raises(TransientError, match="does not answer"):
        ObjectStore(f"s3://{bucket.name}/daily/", away).objects()
