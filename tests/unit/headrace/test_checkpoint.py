"""When a checkpoint is cut, what its record holds, and where a task starts after it."""

import pytest

from headrace.errors import ConfigurationError
from headrace.streams.checkpoint import (
    Checkpoint,
    CheckpointPolicy,
    InputLog,
    InputPosition,
    decode_checkpoint,
    encode_checkpoint,
    start_positions,
)

POLICY = CheckpointPolicy(min_interval_s=0.1, max_interval_s=0.2, max_bytes=1_000)
CHECKPOINT = Checkpoint({"in": InputPosition("id-1", 50)}, "counts/1")


def test_lone_record_after_a_pause_is_committed_at_once() -> None:
    assert POLICY.wait_s(now=10.0, last=5.0, opened=10.0, size=1, is_dry=True) == 0.0


def test_dry_input_waits_until_the_last_checkpoint_is_a_while_ago() -> None:
    assert POLICY.wait_s(now=10.0, last=9.96, opened=10.0, size=1, is_dry=True) == pytest.approx(0.06)


def test_steady_input_is_committed_so_long_after_its_first_record() -> None:
    assert POLICY.wait_s(now=10.15, last=10.0, opened=10.0, size=1, is_dry=False) == pytest.approx(0.05)
    assert POLICY.wait_s(now=10.2, last=10.0, opened=10.0, size=1, is_dry=False) == 0.0


def test_slow_checkpoint_before_does_not_put_the_next_one_off_past_its_limit() -> None:
    assert POLICY.wait_s(now=10.25, last=10.24, opened=10.0, size=1, is_dry=True) == 0.0


def test_full_transaction_is_committed_whatever_the_time() -> None:
    assert POLICY.wait_s(now=10.0, last=10.0, opened=10.0, size=1_000, is_dry=False) == 0.0


def test_record_is_read_as_it_was_written() -> None:
    assert decode_checkpoint(encode_checkpoint(CHECKPOINT)) == CHECKPOINT


def test_record_of_a_later_version_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="format 2"):
        decode_checkpoint(encode_checkpoint(Checkpoint({}, "counts/1", format=2)))


@pytest.mark.parametrize("value", [b"", b"{}", b"\x00\x01", b'{"inputs": 3, "state_schema": "a"}'])
def test_record_that_is_none_is_refused(value: bytes) -> None:
    with pytest.raises(ConfigurationError, match="can't be read"):
        decode_checkpoint(value)


def test_without_a_checkpoint_a_task_starts_where_the_log_does() -> None:
    assert start_positions(None, {"in": InputLog("id-1", 7)}) == ({"in": 7}, 0)


def test_with_a_checkpoint_a_task_goes_on_after_it() -> None:
    assert start_positions(CHECKPOINT, {"in": InputLog("id-1", 7)}) == ({"in": 50}, 0)


def test_an_input_that_is_new_since_starts_where_its_log_does() -> None:
    logs = {"in": InputLog("id-1", 0), "registry": InputLog("id-2", 3)}
    assert start_positions(CHECKPOINT, logs) == ({"in": 50, "registry": 3}, 0)


def test_what_retention_deleted_unprocessed_is_counted() -> None:
    assert start_positions(CHECKPOINT, {"in": InputLog("id-1", 64)}) == ({"in": 64}, 14)


def test_topic_that_was_made_again_is_refused_with_the_way_out() -> None:
    with pytest.raises(ConfigurationError, match=r"in .*deleted and made again. Delete the changelog"):
        start_positions(CHECKPOINT, {"in": InputLog("id-9", 0)})
