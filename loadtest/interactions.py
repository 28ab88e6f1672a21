"""process_interactions, its rules alone and from a full `interactions.raw`: `make bench NAME=interactions`.

The rules run in one thread, with the cells of a checkpoint taken every 1,000 records. Through Kafka the topics are
filled first; then one worker starts, with both of its stages, and the time from the first interactions taken to the
last counts, and to the last lesson learned. Kafka and the worker share the machine.
"""

from __future__ import annotations

import argparse
import gc
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import Any

from deploy.local.scrape import Samples, scrape
from deploy.local.stack import Stack
from deploy.local.temporary import FOLDER, temporary_stack
from headrace.collector import relax_collector
from headrace.experiments.folder import load_experiments
from headrace.interactions.records import LESSONS, RAW
from headrace.kafka import Producer
from headrace.streams.batch import Batch, Cells, compact
from headrace.testing import wait_until
from loadtest import results
from loadtest.cpu import cpu_seconds, used
from loadtest.scan_kafka import unread
from loadtest.shop_visits import Sent, visits
from process_interactions.subjects.rules import SubjectRules

_SERVICE = "process_interactions"
_BATCH = 1_000


def batches(sent: Iterable[Sent]) -> Iterator[Batch]:
    """Runs of one topic, as a task gets them; an answer cuts a run only at its end."""
    offsets: Counter[str] = Counter()
    source = iter(sent)
    while records := list(islice(source, _BATCH)):
        for topic, run in groupby(sorted(records, key=lambda one: one.topic, reverse=True), lambda one: one.topic):
            found = list(run)
            first = offsets[topic]
            offsets[topic] += len(found)
            yield Batch(
                topic,
                0,
                range(first, first + len(found)),
                [one.time for one in found],
                [one.key for one in found],
                [one.value for one in found],
                [one.headers for one in found],
            )


def rules_alone(interactions: int, people: int) -> dict[str, Any]:
    """CPU and bytes of the rules, with the collector as workers have it, and what a start costs."""
    relax_collector()
    rules = SubjectRules(experiments=load_experiments())
    state = rules.new_state()
    state.restore({})
    cells: Cells = {}
    written = bytes_out = bytes_cells = 0
    given = list(batches(visits(interactions, people)))
    gc.collect()
    begin = time.process_time()
    for batch in given:
        out = rules.process(state, batch)
        written += len(out)
        bytes_out += sum(len(record.value or b"") for record in out)
        if batch.topic == RAW:
            changes = list(state.take_changes())
            bytes_cells += sum(len(key) + len(content or b"") for key, content in changes)
            compact(cells, changes)
    spent = time.process_time() - begin
    begin = time.process_time()
    again = rules.new_state()
    again.restore(dict(cells))
    restored = time.process_time() - begin
    subjects = len(again)
    return {
        "interactions_per_cpu_second": round(interactions / spent),
        "microseconds_per_interaction": round(spent / interactions * 1e6, 1),
        "output_records_per_interaction": round(written / interactions, 2),
        "output_bytes_per_interaction": round(bytes_out / interactions),
        "changelog_bytes_per_interaction": round(bytes_cells / interactions),
        "restore_microseconds_per_subject": round(restored / subjects * 1e6, 1),
        "state_bytes_per_subject": round(sum(len(key) + len(each) for key, each in cells.items()) / subjects),
        "memory_bytes_per_subject": _memory(rules, cells),
    }


def _memory(rules: SubjectRules, cells: Cells) -> int:
    """What a restored task takes, its cells and timers."""
    tracemalloc.start()
    own = {bytes(bytearray(key)): bytes(bytearray(content)) for key, content in cells.items()}
    state = rules.new_state()
    state.restore(own)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return round(size / len(state))


def through_kafka(interactions: int, people: int) -> dict[str, Any]:
    """One worker on full topics."""
    with temporary_stack(FOLDER / "interactions") as stack:
        stack.up("kafka")
        stack.create_topics()
        producer = Producer(stack.brokers, "fill", **{"linger.ms": 50})
        for one in visits(interactions, people, start=time.time_ns() // 1_000 - 86_400_000_000):
            producer.produce(one.topic, one.value, one.key, one.headers)
        producer.flush(60)
        stack.start(_SERVICE)
        wait_until(lambda: _taken(stack) > 0, "the first interaction", 60, every=0.01)
        begin, first, before = time.monotonic(), _taken(stack), cpu_seconds(stack, ["kafka", _SERVICE])
        wait_until(lambda: _taken(stack) >= interactions, "all interactions", 600, every=0.05)
        wall, spent = time.monotonic() - begin, used(before, cpu_seconds(stack, ["kafka", _SERVICE]))
        wait_until(lambda: unread(stack.brokers)[f"{_SERVICE}/{RAW}"] == 0, "the last checkpoint", 60)
        wait_until(lambda: _to_learn(stack) == 0, "all lessons", 600, every=0.1)
        all_learned, learned_cpu = time.monotonic() - begin, used(before, cpu_seconds(stack, [_SERVICE]))
        count = interactions - first
        samples = _samples(stack)
        taken = samples.total("headrace_interactions_total", fate="taken")
        if taken != interactions:
            raise SystemExit(f"{taken} of {interactions} interactions were taken")
        return {
            "interactions_per_second": round(count / wall),
            "cpu_microseconds_per_interaction": round(spent[_SERVICE] / count * 1e6, 1),
            "kafka_cpu_microseconds_per_interaction": round(spent["kafka"] / count * 1e6, 1),
            "interactions_per_second_with_learning": round(count / all_learned),
            "cpu_microseconds_per_interaction_with_learning": round(learned_cpu[_SERVICE] / count * 1e6, 1),
            "changelog_bytes_per_interaction": round(samples.total("headrace_changelog_bytes_total") / interactions),
            "resident_mb": round(samples.total("process_resident_memory_bytes") / 1e6),
        }


def _samples(stack: Stack) -> Samples:
    return scrape(f"http://{stack.host}:{stack.component(_SERVICE).ports[_SERVICE]}") or Samples()


def _to_learn(stack: Stack) -> float:
    samples = _samples(stack)
    sent = samples.total("headrace_sent_records_total", topic=LESSONS)
    return sent - samples.total("headrace_received_records_total", topic=LESSONS)


def _taken(stack: Stack) -> float:
    return _samples(stack).total("headrace_received_records_total", topic=RAW)


def main() -> None:
    """Measures, prints, and writes results/interactions.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interactions", type=int, default=200_000)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {"rules": [], "kafka": []}
    for _ in range(options.rounds):
        found["rules"].append(rules_alone(options.interactions, options.people))
        print(f"rules alone: {found['rules'][-1]}", flush=True)
        found["kafka"].append(through_kafka(options.interactions, options.people))
        print(f"through Kafka: {found['kafka'][-1]}", flush=True)
    figures = {
        name: {figure: results.spread([each[figure] for each in rounds]) for figure in rounds[0]}
        for name, rounds in found.items()
    }
    setup = {"interactions": options.interactions, "people": options.people, "answers": options.interactions // 20}
    print(f"written to {results.write('interactions', 'make bench NAME=interactions', {'load': setup, **figures})}")


if __name__ == "__main__":
    main()
