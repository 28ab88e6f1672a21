"""150 daily files of a real web shop, dropped in at once, out of order and twice: each row once, rejects explained."""

import csv
import json
import random
from collections import Counter
from pathlib import Path

import pytest

from headrace.kafka import headers_of_message
from tests.integration.ingest_sources.bench import SourceBench

pytestmark = pytest.mark.integration
RULES = [
    {"trim": "all"},
    {"missing": {"values": [""]}},
    {"cast": {"columns": {"Quantity": "integer", "UnitPrice": "number"}}},
    {"time": {"from": ["InvoiceDate"], "formats": ["%Y-%m-%d %H:%M:%S"], "zone": "Europe/London", "into": "time"}},
    {"require": ["CustomerID"]},
    {"range": {"column": "Quantity", "min": 1}},
    {"derive": {"total": "Quantity * UnitPrice"}},
    {"drop": ["InvoiceDate"]},
]
Place = tuple[str, int]


def test_each_row_once_and_rejects_explained(bench: SourceBench, shared_data: Path) -> None:
    days = sorted((shared_data / "interactions" / "uci-online-retail").glob("*.csv"))
    assert len(days) == 150
    bench.configure(rules=RULES, limits={}, into={"topic": bench.topic, "key": "{InvoiceNo}"})
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - so that a failure can be repeated
    for day in random.Random(seed).sample(days, len(days)):
        bench.drop(day.name, day.read_bytes())
        bench.drop(f"again-{day.name}", day.read_bytes())
    bench.load()
    good, refused = oracle(days)
    seen: Counter[Place] = Counter()
    for message in bench.messages():
        headers = dict(headers_of_message(message))
        place = (headers["source.file"].decode().removeprefix("again-"), int(headers["source.row"]))
        seen[place] += 1
        content = json.loads(message.value() or b"")
        customer, quantity, price = good[place]
        assert (content["CustomerID"], content["Quantity"], content["UnitPrice"]) == (customer, quantity, price)
        assert content["total"] == quantity * price
    assert seen == Counter(good.keys())
    letters = bench.letters()
    assert Counter((file_of(one.source.topic), one.source.offset) for one in letters) == Counter(refused.keys())
    for letter in letters:
        assert refused[file_of(letter.source.topic), letter.source.offset] in letter.detail
    entries = bench.entries().values()
    assert len(entries) == 150
    assert sum(e.delivered for e in entries) == len(good)
    assert sum(e.rejected for e in entries) == len(refused)
    assert len(bench.names("archive")) == 300


def file_of(topic: str) -> str:
    return topic.rsplit("/", 1)[1].removeprefix("again-")


def oracle(days: list[Path]) -> tuple[dict[Place, tuple[str, int, float]], dict[Place, str]]:
    """By plain Python: what each good row says, and which rule each other row meets first."""
    good: dict[Place, tuple[str, int, float]] = {}
    refused: dict[Place, str] = {}
    for day in days:
        with day.open(newline="", encoding="utf-8") as lines:
            for number, row in enumerate(csv.DictReader(lines), 1):
                customer, quantity = row["CustomerID"].strip(), int(row["Quantity"])
                if not customer:
                    refused[day.name, number] = "CustomerID"
                elif quantity < 1:
                    refused[day.name, number] = "below 1"
                else:
                    good[day.name, number] = (customer, quantity, float(row["UnitPrice"]))
    return good, refused
