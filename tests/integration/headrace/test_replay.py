"""`headrace replay` on a real Kafka: the same outputs as live, each once whatever is killed, and a switch to them."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from deploy.local.stack import Stack
from headrace.replay.groups import Group
from headrace.replay.plans import Plans
from headrace.testing import wait_until
from tests.integration.headrace.replay_bench import KEYS, PARTITIONS, Bench, expected

pytestmark = pytest.mark.integration


@pytest.fixture
def bench(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.syspath_prepend(tmp_path)
    bench = Bench(stack.brokers, tmp_path)
    yield bench
    bench.stop_worker(signal.SIGKILL)
    plans = Plans(stack.brokers)
    if bench.name in plans.load():
        plans.delete(bench.name)


def assert_each_once(bench: Bench, topic: str, numbers: range) -> None:
    values = [value for _, value, _ in bench.outputs(topic)]
    assert len(values) == len(set(values)) and set(values) == expected(numbers)


def test_replay_beside_a_live_worker_gives_what_it_gave_and_disturbs_it_not(bench: Bench) -> None:
    bench.produce(range(4_000))
    bench.start_worker()
    bench.wait_for_outputs(4_000)
    said = bench.ok(*bench.run_arguments())
    assert "4,000 records" in said
    live = Group(bench.brokers, bench.group)
    assert live.members() == 1
    bench.produce(range(4_000, 4_200))
    bench.wait_for_outputs(4_200)
    assert_each_once(bench, bench.target, range(4_200))
    gave = {(at.partition, output) for at, output in bench.records(bench.target)}
    replayed = {(at.partition, output) for at, output in bench.records(bench.versioned(bench.target))}
    assert len(replayed) == 4_000 and replayed <= gave


def test_range_of_time_is_replayed_alone_with_fresh_state(bench: Bench) -> None:
    bench.produce(range(1_000))
    since = time.time()
    bench.produce(range(1_000, 3_000))
    until = time.time()
    bench.produce(range(3_000, 3_500))
    bench.ok(*bench.run_arguments(f"{since:.3f}", f"{until:.3f}"))
    assert_each_once(bench, bench.versioned(bench.target), range(1_000, 3_000))


@pytest.mark.parametrize(("step", "count"), [("prepared", 5), ("committed", 5)])
def test_replay_killed_at_a_step_goes_on_with_each_record_once(bench: Bench, step: str, count: int) -> None:
    bench.produce(range(6_000))
    bench.kill_at("replay", step, count)
    bench.ok(*bench.run_arguments())
    assert_each_once(bench, bench.versioned(bench.target), range(6_000))


def test_replay_ended_by_ctrl_c_goes_on_from_its_checkpoint(bench: Bench) -> None:
    bench.produce(range(4_000))
    process = bench.popen(*bench.run_arguments(), "--max-rate", "1000")
    assert process.stdout
    while "copy: " not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    said, problem = process.communicate(timeout=30)
    assert process.returncode == 130 and "stopped at a checkpoint" in said, problem
    assert len(bench.outputs(bench.versioned(bench.target))) < 4_000
    bench.ok(*bench.run_arguments())
    assert_each_once(bench, bench.versioned(bench.target), range(4_000))


def test_same_name_for_another_range_is_refused_and_the_same_range_goes_on(bench: Bench) -> None:
    bench.produce(range(400))
    bench.ok(*bench.run_arguments())
    bench.produce(range(400, 500))
    assert "--from start --to now" in bench.refused(*bench.run_arguments(since="2026-01-01"))
    bench.ok(*bench.run_arguments())
    assert_each_once(bench, bench.versioned(bench.target), range(400))


def test_wrong_use_is_explained(bench: Bench) -> None:
    bench.produce(range(10))
    run = bench.run_arguments
    assert "topics with rules: " in bench.refused("nothing.raw", *run()[1:])
    assert "is no time" in bench.refused(*run(since="yesterday"))
    assert "nothing lies between" in bench.refused(*run("2026-02-01", "2026-01-01"))
    assert "hold no record" in bench.refused(*run("2026-01-01", "2026-01-02"))
    assert "can't name a replay" in bench.refused(*run()[:-1], "V 2")
    assert "no replay has the name" in bench.refused("status", "nobody")
    assert bench.topics() == {bench.source, bench.target, bench.changelog}


def test_switch_catches_up_copies_once_and_the_service_goes_on_there(bench: Bench) -> None:
    bench.produce(range(2_000))
    bench.start_worker()
    bench.wait_for_outputs(2_000)
    bench.ok(*bench.run_arguments())
    bench.produce(range(2_000, 3_000))
    bench.wait_for_outputs(3_000)
    assert "stop the workers first" in bench.refused("switch", bench.name)
    bench.stop_worker()
    bench.produce(range(3_000, 3_500))

    assert f"COPYING_VERSION={bench.name}" in bench.ok("switch", bench.name)
    assert_each_once(bench, bench.versioned(bench.target), range(3_000))
    bench.start_worker(bench.name)
    bench.produce(range(3_500, 4_000))
    bench.wait_for_outputs(7_000)
    assert_switched(bench, old=3_000, copied=3_000, total=4_000)


def assert_switched(bench: Bench, old: int, copied: int, total: int) -> None:
    """The target holds what the old version wrote, the copies, and what the new one wrote; each once."""
    outputs = bench.outputs(bench.target)
    copies = [value or b"" for _, value, name in outputs if name == bench.name]
    own = [value or b"" for _, value, name in outputs if not name]
    assert sorted(copies) == sorted(expected(range(copied)))
    after = expected(range(total)) - expected(range(copied))
    assert sorted(own) == sorted([*expected(range(old)), *after])


@pytest.mark.parametrize(("step", "count"), [("committing", 3), ("copied", 2)])
def test_switch_killed_at_a_step_goes_on_with_each_copy_once(bench: Bench, step: str, count: int) -> None:
    bench.produce(range(2_000))
    bench.ok(*bench.run_arguments())
    bench.produce(range(2_000, 3_000))
    bench.work_through()
    bench.kill_at("switch", step, count)
    bench.ok("switch", bench.name)
    bench.ok("switch", bench.name)
    bench.produce(range(3_000, 3_500))
    bench.work_through(bench.name)
    assert_switched(bench, old=3_000, copied=3_000, total=3_500)


def test_switch_refuses_what_would_leave_records_to_nobody(bench: Bench) -> None:
    bench.produce(range(1_000))
    bench.work_through()
    bench.produce(range(1_000, 2_000))
    since = time.time()
    bench.produce(range(2_000, 3_000))
    bench.ok(*bench.run_arguments(since=f"{since:.3f}"))
    assert "processed by nobody" in bench.refused("switch", bench.name)
    plan = Plans(bench.brokers).get(bench.name)
    Plans(bench.brokers).save(msgspec.structs.replace(plan, ranges={"input of another version": []}))
    for command in (["switch", bench.name], bench.run_arguments(since=f"{since:.3f}")):
        assert "this version of the service reads" in bench.refused(*command)


def test_worker_goes_on_after_the_range_where_it_held_no_record_too(bench: Bench) -> None:
    bench.produce(range(1_000))
    bench.work_through()
    since = time.time()
    of_one_key = range(1_000, 3_000, KEYS)
    bench.produce(of_one_key)
    bench.ok(*bench.run_arguments(since=f"{since:.3f}"))
    bench.ok("switch", bench.name)
    bench.work_through(bench.name)
    outputs = bench.outputs(bench.target)
    assert {value for _, value, name in outputs if name} == expected(of_one_key)
    assert len(outputs) == 1_000 + len(of_one_key)


def test_status_tells_how_far_and_compares_with_live(bench: Bench) -> None:
    bench.produce(range(1_000))
    bench.work_through()
    bench.ok(*bench.run_arguments())
    said = bench.ok("status", bench.name)
    rows = [line.split() for line in said.splitlines()]
    assert [bench.target, "1,000", "1,000"] in rows
    ends = [row[2:] for row in rows if row and row[0] == bench.source]
    assert len(ends) == PARTITIONS and all(start == "0" and at == end for start, at, end in ends)
    assert bench.name in bench.ok("status")


def test_topics_of_a_replay_are_as_the_live_ones_and_drop_deletes_all(bench: Bench) -> None:
    bench.produce(range(100))
    bench.ok(*bench.run_arguments())
    assert bench.setting(bench.versioned(bench.target), "retention.ms") == "86400000"
    assert bench.setting(bench.versioned(bench.changelog), "cleanup.policy") == "compact"
    assert bench.partitions(bench.versioned(bench.target)) == PARTITIONS
    assert bench.command("drop", bench.name).exit_code == 1
    assert bench.versioned(bench.target) in bench.topics()
    bench.ok("drop", bench.name, "--yes")
    assert bench.topics() == {bench.source, bench.target, bench.changelog}
    bench.ok(*bench.run_arguments())
    assert_each_once(bench, bench.versioned(bench.target), range(100))


def test_switch_from_ahead_of_the_workers_and_drop_keeps_the_state_that_they_go_on_with(bench: Bench) -> None:
    bench.produce(range(1_000))
    bench.work_through()
    bench.produce(range(1_000, 1_500))
    bench.ok(*bench.run_arguments())
    bench.ok("switch", bench.name)
    bench.ok("drop", bench.name, "--yes")
    assert bench.topics() == {bench.source, bench.target, bench.changelog, bench.versioned(bench.changelog)}
    bench.produce(range(1_500, 1_600))
    bench.work_through(bench.name)
    assert_switched(bench, old=1_000, copied=1_500, total=1_600)


def test_second_process_takes_a_replay_over_and_the_first_ends(bench: Bench) -> None:
    bench.produce(range(6_000))
    arguments = bench.run_arguments()
    first = bench.popen(*arguments, "--max-rate", "1000")
    wait_until(lambda: bench.versioned(bench.target) in bench.topics(), "the first replay")
    wait_until(lambda: bench.outputs(bench.versioned(bench.target)), "its first outputs")
    bench.ok(*arguments)
    _, problem = first.communicate(timeout=60)
    assert first.returncode == 1 and "taken the replay over" in problem
    assert_each_once(bench, bench.versioned(bench.target), range(6_000))
