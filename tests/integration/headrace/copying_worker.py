"""A worker for the tests: copies each record with a running count per key, which only state can give.

Usage: python copying_worker.py BROKERS GROUP SOURCE TARGET
"""

import sys
from typing import Any

from headrace.clock import SystemClock
from headrace.kafka import Producer
from headrace.streams import Batch, OutRecord
from headrace.streams.engine import Engine
from headrace.streams.history import KafkaHistory
from headrace.streams.worker import build_worker, run_worker


class Copying:
    """Value `KEY:NUMBER` becomes `KEY:NUMBER:COUNT`."""

    def __init__(self, target: str) -> None:
        self._target = target

    def new_state(self) -> dict[bytes, int]:
        return {}

    def process(self, state: dict[bytes, int], batch: Batch) -> list[OutRecord]:
        outputs = []
        for key, value in zip(batch.keys, batch.values, strict=True):
            assert key is not None and value is not None
            state[key] = state.get(key, 0) + 1
            outputs.append(OutRecord(self._target, key, b"%s:%d" % (value, state[key]), ()))
        return outputs

    def on_idle(self, state: dict[bytes, int], now_us: int) -> list[OutRecord]:
        return []


def main(brokers: str, group: str, source: str, target: str) -> int:
    engine = Engine(Copying(target), Producer(brokers, "copying"), KafkaHistory(brokers, 600, 100_000), SystemClock())
    quick: dict[str, Any] = {
        "broker_max_poll_records": 500,
        "broker_session_timeout": 6.0,
        "broker_heartbeat_interval": 1.0,
    }
    return run_worker(build_worker(group, brokers, source, engine, **quick))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
