"""With Kafka away what waits is bounded, in records and bytes, for each topic by itself, and nobody is held up."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from headrace.errors import DeliveryError
from serve_api.confirmed_writer import MAX_QUEUED, MAX_QUEUED_BYTES, ConfirmedWriter

AWAY = "127.0.0.1:1"
TIMEOUT_S = 0.6
MADE, PUSHED, REGISTRY = "predictions.made", "sources.pushed", "devices.registry"
LARGE = bytes(900_000)


@asynccontextmanager
async def writing(limits: dict[str, int] | None = None) -> AsyncIterator[ConfirmedWriter]:
    writer = ConfirmedWriter(AWAY, TIMEOUT_S, limits)
    writer.start()
    try:
        yield writer
    finally:
        writer.stop()


async def wait(writer: ConfirmedWriter, topic: str, values: list[bytes]) -> asyncio.Task[None]:
    """Begins a write; refused at once it is done when this returns."""
    task = asyncio.create_task(writer.write_all(topic, [(b"key", value) for value in values], [("schema", b"x")]))
    await asyncio.sleep(0)
    return task


async def fill(writer: ConfirmedWriter, topic: str) -> list[asyncio.Task[None]]:
    """As many as find a place."""
    tasks: list[asyncio.Task[None]] = []
    while not (task := await wait(writer, topic, [LARGE])).done():
        tasks.append(task)
    with pytest.raises(DeliveryError):
        await task
    return tasks


async def end(tasks: list[asyncio.Task[None]]) -> None:
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, DeliveryError) for each in ended)


def test_bytes_that_wait_are_bounded_and_free_again_after_their_time() -> None:
    async def run() -> None:
        async with writing() as writer:
            tasks = await fill(writer, MADE)
            assert len(tasks) == MAX_QUEUED_BYTES // (len(LARGE) + len(b"key") + len(b"schemax"))
            await end(tasks)
            again = await wait(writer, MADE, [LARGE])
            assert not again.done(), "there is room again"
            await end([again])

    asyncio.run(run())


def test_predictions_that_wait_take_no_place_from_devices_and_pushes() -> None:
    async def run() -> None:
        async with writing() as writer:
            tasks = await fill(writer, MADE)
            many = await wait(writer, "predictions.outcomes", [b"x"] * MAX_QUEUED)
            others = [await wait(writer, REGISTRY, [b"device"]), await wait(writer, PUSHED, [LARGE])]
            assert not any(each.done() for each in (many, *others))
            with pytest.raises(DeliveryError):
                await writer.write("predictions.outcomes", b"x", b"key", [])
            await end([*tasks, many, *others])

    asyncio.run(run())


def test_a_topic_may_have_a_limit_of_its_own_and_one_write_is_above_it() -> None:
    async def run() -> None:
        async with writing({PUSHED: 3 * len(LARGE)}) as writer:
            tasks = await fill(writer, PUSHED)
            assert len(tasks) == 2
            alone = await wait(writer, REGISTRY, [LARGE] * (MAX_QUEUED_BYTES // len(LARGE) + 1))
            assert not alone.done()
            await end([*tasks, alone])

    asyncio.run(run())


def test_the_loop_goes_on_while_the_queue_is_full_and_who_writes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small queue of the library stands for one that its own accounting fills."""
    monkeypatch.setattr("serve_api.confirmed_writer._LIBRARY_KILOBYTES", 1_024)

    async def run() -> float:
        async with writing() as writer:
            begun = time.monotonic()
            tasks = [await wait(writer, MADE, [LARGE, LARGE, LARGE]) for _ in range(5)]
            took = time.monotonic() - begun
            await end(tasks)
            async with asyncio.timeout(5 * TIMEOUT_S):
                while (task := await wait(writer, MADE, [LARGE])).done():
                    await end([task])
                    await asyncio.sleep(0.01)
            await end([task])
            assert writer.waiting(MADE) == 0, "what was not queued is not counted for ever"
            return took

    assert asyncio.run(run()) < TIMEOUT_S / 2
