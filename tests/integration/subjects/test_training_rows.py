"""Training reads nothing of erased subjects, and what was frozen of them before is deleted."""

import time
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.local.stack import Stack
from headrace.interactions.records import ERASED, RAW, Erasure, Interaction
from headrace.kafka import Producer
from headrace.records import encode, headers_of
from headrace.subjects.erased import read_erased
from tests.integration.train_models.test_data_sources import read, rows
from train_models.erased_rows import remove_erased

pytestmark = pytest.mark.integration


def test_rows_of_erased_subjects_are_left_out_and_old_snapshots_of_them_go(stack: Stack, tmp_path: Path) -> None:
    kept, gone = f"kept-{uuid4().hex}", f"gone-{uuid4().hex}"
    now = time.time_ns() // 1_000
    writer = Producer(stack.brokers, "test")
    for number in range(10):
        for subject in (kept, gone):
            event = Interaction(f"e{number}", "train", subject, "rating", now, now, item=f"i{number}", value=number / 2)
            writer.produce(RAW, encode(event), subject.encode(), headers_of(event))
    writer.flush(30)
    topic = {"topic": {"name": RAW, "since": (now - 60_000_000) / 1e6}}
    before = read(stack, tmp_path, label="value", **topic)
    assert {gone, kept} <= {row["subject"] for row in rows(before)}
    assert remove_erased(tmp_path, lambda: read_erased(stack.brokers) - {gone}) == []

    erasure = Erasure("train", gone, now)
    writer.produce(ERASED, encode(erasure), gone.encode(), headers_of(erasure))
    writer.flush(30)
    after = read(stack, tmp_path, label="value", **topic)
    subjects = [row["subject"] for row in rows(after)]
    assert subjects.count(kept) == 10
    assert gone not in subjects
    assert after.about.left_out["records of erased subjects"] >= 10
    assert remove_erased(tmp_path, lambda: read_erased(stack.brokers)) == [before.sha256]
    assert not before.folder.exists()
    assert after.folder.exists()
