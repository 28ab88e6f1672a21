"""What answers wait for, and for how long, while Kafka or Cassandra is away."""

import asyncio

from headrace.interactions.records import Recommendation
from headrace.testing import FakeClock
from serve_api.recommendations.people import Found, People
from serve_api.recommendations.recorder import Recorder
from tests.unit.serve_api.shop_in_memory import SITE, Kafka, Table

_MADE = Recommendation("id", SITE, "subject", "home", 1, ())
_LONG_S = 60.0


def test_only_one_a_second_waits_for_a_kafka_that_is_away_until_it_is_back() -> None:
    async def scenario() -> None:
        kafka, clock = Kafka(is_away=True), FakeClock()
        quick, patient = Recorder(kafka, clock, 0.01), Recorder(kafka, clock, _LONG_S)
        assert not await quick.record(_MADE)
        # As if the quick one had all its patience back: it would hang here, if it waited.
        quick._timeout = _LONG_S
        for _ in range(3):
            async with asyncio.timeout(1):
                assert not await quick.record(_MADE)
        # All of them are on their way all the same.
        assert len(kafka.written) == 4
        kafka.is_away = False
        clock.advance(1.1)
        assert await quick.record(_MADE)
        kafka.takes_s = 0.01
        assert await quick.record(_MADE)
        kafka.is_full = True
        assert not await patient.record(_MADE)

    asyncio.run(scenario())


def test_a_table_that_hangs_holds_one_up_and_then_one_a_second() -> None:
    async def scenario() -> None:
        table, clock = Table(hangs=True), FakeClock()
        people = People(table, clock, 0.01)
        assert await people.find(SITE, "ann") == Found(None, is_away=True)
        people._timeout = _LONG_S
        for _ in range(3):
            async with asyncio.timeout(1):
                assert await people.find(SITE, "ann") == Found(None, is_away=True)
        # Who is remembered is found, which doesn't mean that the table is back.
        table.remembered.add("bob")
        clock.advance(1.1)
        people._timeout = 0.01
        assert await people.find(SITE, "ann") == Found(None, is_away=True)
        people._timeout = _LONG_S
        assert await people.find(SITE, "bob") == Found("bob")
        async with asyncio.timeout(1):
            assert await people.find(SITE, "ann") == Found(None, is_away=True)
        table.hangs = False
        clock.advance(1.1)
        assert await people.find(SITE, "ann") == Found("ann")

    asyncio.run(scenario())


def test_without_keys_for_subjects_nobody_can_be_found() -> None:
    people = People(None, FakeClock(), 1.0)
    assert asyncio.run(people.find(SITE, "ann")) == Found(None, is_away=True)
    assert asyncio.run(people.find(SITE, None)) == Found(None)
