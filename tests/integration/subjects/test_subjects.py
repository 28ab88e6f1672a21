"""Subjects in a real Cassandra, with erasures through a real Kafka."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from headrace.cassandra import CassandraSettings
from headrace.clock import SystemClock
from headrace.errors import TransientError
from headrace.interactions.records import ERASED, Erasure
from headrace.kafka import Producer
from headrace.records import encode, headers_of
from headrace.subjects.erased import read_erased
from headrace.subjects.keys import ensure_keys, read_secrets
from headrace.subjects.rotate import rotate
from headrace.subjects.scheduled_rotation import ScheduledRotation
from headrace.subjects.subjects import Subjects, open_subjects
from headrace.testing import FakeClock, wait_until

pytestmark = pytest.mark.integration
Open = Callable[[], Subjects]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "subjects.json"
    ensure_keys(path)
    return path


@pytest.fixture
def site() -> str:
    return f"t{uuid4().hex[:10]}"


@contextmanager
def opened(settings: CassandraSettings, keys: Path) -> Iterator[Subjects]:
    subjects = open_subjects(settings, keys)
    subjects.erased.start()
    try:
        yield subjects
    finally:
        subjects.erased.stop()
        subjects.store.close()


@pytest.fixture
def edge(stack: Stack, keys: Path) -> Iterator[Open]:
    """Opens an edge with connections and a memory of its own."""
    stack.create_tables()
    settings = CassandraSettings(brokers=stack.brokers, cassandra_port=stack.ports.cassandra)
    with ExitStack() as edges:
        yield lambda: edges.enter_context(opened(settings, keys))


def tell_erased(stack: Stack, site: str, subject: str) -> None:
    record = Erasure(site, subject, 1)
    writer = Producer(stack.brokers, "test")
    writer.produce(ERASED, encode(record), subject.encode(), headers_of(record))
    writer.flush(30)


def test_edges_that_meet_the_same_new_people_at_once_agree(edge: Open, site: str) -> None:
    edges = [edge() for _ in range(3)]
    names = [f"user{number}" for number in range(40)]
    with ThreadPoolExecutor(6) as pool:
        orders = [names, names[::-1], names[20:] + names[:20]] * 2
        asked = [pool.submit(edges[number % 3].subjects_of, site, order) for number, order in enumerate(orders)]
        found = [dict(zip(order, each.result(), strict=True)) for order, each in zip(orders, asked, strict=True)]
    assert all(each == found[0] for each in found)
    assert len({subject.id for subject in found[0].values()}) == len(names)
    assert edge().subjects_of(site, names) == [found[0][name] for name in names]


def test_an_erasure_reaches_an_edge_that_remembers_the_person(stack: Stack, edge: Open, site: str) -> None:
    here, api = edge(), edge()
    before = here.subject_of(site, "anna")
    other = here.subject_of(site, "bob")
    tell_erased(stack, site, before.id)
    wait_until(lambda: here.known(site, "anna") is None, "the erasure", 10)
    # The row is still there, as where the API was killed now.
    after = here.subject_of(site, "anna")
    assert after.id != before.id
    wait_until(lambda: api.erased.is_erased(before.id), "the erasure", 10)
    assert not api.store.destroy(site, "anna", before.id)
    assert edge().find(site, "anna") == after
    assert here.find(site, "bob") == other
    assert before.id in read_erased(stack.brokers)


def test_a_rotation_keeps_all_but_the_erased(stack: Stack, edge: Open, site: str, keys: Path) -> None:
    here = edge()
    names = [f"user{number}" for number in range(20)]
    before = dict(zip(names, here.subjects_of(site, names), strict=True))
    here.erased.add(before["user0"].id)
    # Other tests' rows were sealed with keys that are gone.
    ours = {here.store._key(site, name) for name in names}
    scan = here.store._table.scan
    here.store._table.scan = lambda: (found for found in scan() if found.key in ours)  # type: ignore[method-assign]
    done = rotate(keys, here.store, pause=lambda seconds: None)
    assert (done.resealed, done.deleted) == (19, 1)
    found = edge().subjects_of(site, names)
    assert found[1:] == [before[name] for name in names[1:]]
    assert found[0].id != before["user0"].id

    # By itself, a day after an erasure that the topic tells.
    clock = FakeClock(SystemClock().now_us())
    rotation = ScheduledRotation(keys, here.store, here.erased, clock, pause=0)
    tell_erased(stack, site, before["user1"].id)
    wait_until(lambda: here.erased.is_erased(before["user1"].id), "the erasure", 10)
    masters = []
    for hours in (23, 2, 1, 0):
        clock.advance(hours * 3_600)
        rotation.look()
        masters.append(read_secrets(keys).masters.keys())
    assert [len(each) for each in masters] == [1, 2, 2, 1]
    assert not masters[0] & masters[-1]
    assert edge().subjects_of(site, names[2:]) == [before[name] for name in names[2:]]


def test_without_cassandra_unknown_people_have_to_wait(stack: Stack, keys: Path) -> None:
    settings = CassandraSettings(brokers=stack.brokers, cassandra_port=stack.ports.serve_api)
    with opened(settings, keys) as away, pytest.raises(TransientError):
        away.subject_of("main", "anna")
