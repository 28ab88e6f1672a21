"""The driver runs a topology as a worker would: exactly once from topic to topic, whatever is cut or lost where."""

from collections import defaultdict
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import TransientError
from headrace.streams.batch import Batch, OutRecord
from headrace.streams.topology import Stage, Topology
from headrace.testing import TopologyDriver
from tests.unit.headrace.counting import CHANGELOG, INPUT, OUTPUT, STAGE, Counting, Counts, topology

pytestmark = pytest.mark.usefixtures("cells")


def values(driver: TopologyDriver, topic: str = OUTPUT) -> list[bytes | None]:
    return [record.value for record in driver.outputs(topic)]


def test_outputs_are_seen_once_their_checkpoint_is_committed() -> None:
    driver = TopologyDriver(topology())
    driver.send(INPUT, b"k", b"a")
    assert driver.process() == 1
    assert values(driver) == []
    driver.checkpoint()
    assert values(driver) == [b"a/1"]


def test_crash_undoes_what_is_not_committed_and_it_comes_again() -> None:
    driver = TopologyDriver(topology())
    driver.send(INPUT, b"k", b"a")
    driver.run()
    driver.send(INPUT, b"k", b"b")
    driver.process()
    driver.crash()
    assert values(driver) == [b"a/1"]
    driver.run()
    assert values(driver) == [b"a/1", b"b/2"]


def test_batches_are_cut_where_the_test_says() -> None:
    seen: list[int] = []

    class Watching(Counting):
        def process(self, state: Counts, batch: Batch) -> list[OutRecord]:
            seen.append(len(batch))
            return super().process(state, batch)

    driver = TopologyDriver(topology(Watching()), partitions=1)
    for _ in range(10):
        driver.send(INPUT, b"k", b"a")
    driver.run([3, 1])
    assert seen == [3, 1, 6]
    for _ in range(5):
        driver.send(INPUT, b"k", b"a")
    driver.run(2)
    assert seen[3:] == [2, 2, 1]


def test_time_moves_by_hand() -> None:
    driver = TopologyDriver(topology(), now_us=5_000_000)
    driver.advance(1.5)
    assert driver.send(INPUT, b"k", b"a").timestamp == 6_500_000
    assert driver.send(INPUT, b"k", b"b", at_us=17).timestamp == 17
    driver.run()
    driver.idle(2)
    assert driver.now_us == 8_500_000
    driver.checkpoint()
    assert values(driver, "idle") == [b"2"]


def test_stages_are_joined_by_their_repartition_topic() -> None:
    class BySize(Counting):
        """Hands each value to the key of its length."""

        def process(self, state: Counts, batch: Batch) -> list[OutRecord]:
            return [OutRecord("by-size", b"%d" % len(value or b""), value) for value in batch.values]

    first = Stage("by_size", (INPUT,), BySize(), ("by-size",), "by-size-state")
    driver = TopologyDriver(Topology("two", (first, Stage(STAGE, ("by-size",), Counting(), (OUTPUT,), CHANGELOG))))
    for key, value in ((b"k", b"a"), (b"l", b"bb"), (b"k", b"c")):
        driver.send(INPUT, key, value)
    driver.process()
    assert values(driver, "by-size") == [], "a stage sees only what is committed"
    driver.run()
    assert sorted(values(driver), key=str) == [b"a/1", b"bb/1", b"c/2"]


def test_co_partitioned_inputs_meet_in_one_task_in_order_of_append() -> None:
    both = Stage(STAGE, (INPUT, "other"), Counting(), (OUTPUT,), CHANGELOG)
    driver = TopologyDriver(Topology("joined", (both,)))
    for topic, value in ((INPUT, b"a"), ("other", b"b"), (INPUT, b"c")):
        driver.send(topic, b"k", value)
    driver.run()
    assert values(driver) == [b"a/1", b"b/2", b"c/3"]


def test_rules_that_must_wait_leave_no_trace() -> None:
    rules = Counting()
    driver = TopologyDriver(topology(rules))
    driver.send(INPUT, b"k", b"a")
    driver.send(INPUT, b"k", b"later")
    rules.is_away = True
    with pytest.raises(TransientError):
        driver.process(1)
    rules.is_away = False
    driver.run()
    assert values(driver) == [b"a/1", b"later/2"]


def test_compacted_changelog_gives_the_same_state() -> None:
    driver = TopologyDriver(topology())
    for value in (b"a", b"b", b"forget", b"c"):
        driver.send(INPUT, b"k", value)
        driver.run()
    driver.send(INPUT, b"gone", b"a")
    driver.send(INPUT, b"gone", b"forget")
    driver.run()
    driver.kafka.compact(CHANGELOG)
    driver.crash()
    driver.send(INPUT, b"k", b"d")
    driver.send(INPUT, b"gone", b"a")
    driver.run()
    assert values(driver)[-2:] == [b"d/2", b"a/1"]


steps = st.lists(
    st.one_of(
        st.sampled_from([b"k", b"l", b"m"]),
        st.integers(1, 3),
        st.sampled_from(["checkpoint", "crash", "compact", "fail", "unknown"]),
    ),
    max_size=40,
)


@given(steps)
def test_each_record_counts_once_for_any_batches_checkpoints_and_crashes(steps: list[bytes | int | str]) -> None:
    """A step is a key to send, a batch size to process with, or what happens."""
    driver = TopologyDriver(topology(), partitions=2)
    sent: dict[bytes, int] = defaultdict(int)
    for step in steps:
        match step:
            case bytes(key):
                sent[key] += 1
                driver.send(INPUT, key, b"v")
            case int(size):
                driver.process(size)
            case "checkpoint":
                driver.checkpoint()
            case "crash":
                driver.crash()
            case "compact":
                driver.kafka.compact(CHANGELOG)
            case _:
                driver.kafka.fail_next("commit", RuntimeError("killed"), is_done=step == "unknown")
                with suppress(RuntimeError):
                    driver.checkpoint()
                driver.kafka.cancel_failures()
                driver.crash()
    driver.run()
    expected = {key: [b"v/%d" % (n + 1) for n in range(count)] for key, count in sent.items()}
    assert {key: [r.value for r in driver.outputs(OUTPUT) if r.key == key] for key in sent} == expected
