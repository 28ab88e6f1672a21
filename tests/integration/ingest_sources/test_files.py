"""Files of a folder on real Kafka: each row once, whatever is killed, dropped twice or broken."""

import json
import os
import random
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from headrace.errors import Reason
from headrace.range_reader import RangeReader, log_end
from headrace.streams.transaction import KafkaTransactions
from headrace.testing import wait_until
from ingest_sources.into import LEDGER
from ingest_sources.ledger import FileEntry, read_entries
from ingest_sources.schema_keeper import read_schema
from tests.integration.ingest_sources.bench import HEADER, SourceBench, expected, orders

pytestmark = pytest.mark.integration


def assert_each_once(bench: SourceBench, first: int, count: int) -> None:
    """Of one file of orders: what is good is in the topic, what is bad in the dead letters, each once."""
    delivered, refused, _ = expected(first, count)
    found = bench.keys()
    own = {key: times for key, times in found.items() if first <= int(key.split("/")[0]) < first + count}
    assert own == dict.fromkeys(delivered, 1)
    letters = [letter for letter in bench.letters() if letter.source.topic.endswith(f"/{first}.csv")]
    assert sorted(letter.source.offset for letter in letters) == sorted(refused)


def test_rows_of_a_file_are_delivered_refused_or_dropped_and_the_ledger_says_how_many(bench: SourceBench) -> None:
    bench.drop("0.csv", orders(0, 2_500))
    bench.load()
    assert_each_once(bench, 0, 2_500)
    delivered, refused, dropped = expected(0, 2_500)
    entry = bench.entries()["0.csv"]
    assert (entry.state, entry.position) == ("done", 2_500)
    assert (entry.delivered, entry.rejected, entry.dropped) == (len(delivered), len(refused), dropped)
    assert bench.names("archive") == {"0.csv"}
    message = next(m for m in bench.messages() if m.key() == b"4/1")
    assert json.loads(message.value() or b"") == {"order": "4", "line": "1", "amount": 1.0}
    assert dict(message.headers() or [])["source.row"] == b"5"


def test_dead_letters_say_which_row_and_why_and_keep_it(bench: SourceBench) -> None:
    bench.drop("0.csv", orders(0, 12))
    bench.load()
    by_row = {letter.source.offset: letter for letter in bench.letters()}
    assert by_row[8].reason == Reason.REFUSED_BY_RULE
    assert "amount is 'none'" in by_row[8].detail
    assert json.loads(by_row[8].value)["amount"] == "none"
    assert by_row[10].reason == Reason.MALFORMED_ROW
    assert by_row[10].value == b"9,1,5,6"


@pytest.mark.parametrize(("step", "count"), [("produced", 3), ("committing", 2), ("committed", 4)])
def test_kill_amid_a_file_loses_and_doubles_nothing(bench: SourceBench, step: str, count: int) -> None:
    """2,500 rows are three parts and an end: the fourth commit says that the file is done, before it is put away."""
    bench.drop("0.csv", orders(0, 2_500))
    bench.kill_at(step, count)
    bench.drop("5000.csv", orders(5_000, 100))
    bench.load()
    assert_each_once(bench, 0, 2_500)
    assert_each_once(bench, 5_000, 100)
    assert bench.names("archive") == {"0.csv", "5000.csv"}


def test_many_kills_at_random_steps(bench: SourceBench) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - so that a failure can be repeated
    chance = random.Random(seed)
    for first in range(0, 20_000, 10_000):
        bench.drop(f"{first}.csv", orders(first, 3_000))
    for _ in range(3):
        bench.kill_at(chance.choice(["produced", "committing", "committed"]), chance.randint(1, 2))
    bench.load()
    for first in range(0, 20_000, 10_000):
        assert_each_once(bench, first, 3_000)


def test_kafka_that_is_killed_amid_a_file_comes_back_and_nothing_is_lost(bench: SourceBench, kafka: Stack) -> None:
    bench.drop("0.csv", orders(0, 30_000))
    process = bench.start()
    wait_until(lambda: bench.entries().get("0.csv"), "the first part to be committed", 60)
    kafka.kill("kafka")
    kafka.up("kafka")
    assert process.wait(120) == 0, bench.log.read_text(errors="replace")[-4_000:]
    wait_until(bench.messages, "each partition to have a leader again", 60)
    assert_each_once(bench, 0, 30_000)


def test_same_bytes_under_another_name_load_nothing(bench: SourceBench) -> None:
    bench.drop("0.csv", orders(0, 200))
    bench.load()
    bench.drop("0.csv", orders(0, 200))
    bench.drop("copy.csv", orders(0, 200))
    bench.load()
    assert_each_once(bench, 0, 200)
    assert bench.names("archive") == {"0.csv", "0.1.csv", "copy.csv"}
    assert set(bench.entries()) == {"0.csv"}


def test_file_that_can_not_be_read_costs_itself_alone(bench: SourceBench, tmp_path: Path) -> None:
    bench.drop("a-truncated.csv.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03cut off")
    bench.drop("b-broken.parquet", b"PAR1 and no more of it PAR1")
    bench.drop("c-columns.csv", "sku,price\n1,2\n")
    secret = tmp_path / "secret.csv"
    secret.write_text(orders(0, 3))
    os.symlink(secret, bench.folder / "d-link.csv")
    os.mkfifo(bench.folder / "e-pipe.csv")
    bench.drop("0.csv", orders(0, 100))
    bench.load()
    assert_each_once(bench, 0, 100)
    broken = {"a-truncated.csv.gz", "b-broken.parquet", "c-columns.csv", "d-link.csv", "e-pipe.csv"}
    assert bench.names("quarantine") == broken | {f"{name}.why.txt" for name in broken}
    why = (bench.folder / "quarantine" / "c-columns.csv.why.txt").read_text()
    assert "no column 'amount'; here the table has 'sku', 'price'" in why
    letters = {letter.source.topic.rsplit("/", 1)[1] for letter in bench.letters()}
    assert broken <= letters


def test_odd_files_cost_themselves_alone(bench: SourceBench) -> None:
    """A name that is not UTF-8, a part without one readable row, a field that a part lacks, a reason without an end."""
    rows = [f'{{"order": {n}, "line": 1, "amount": 1' + (', "note": "x"}' if n < 1_000 else "}") for n in range(2_500)]
    bench.configure(rules=[{"fill": {"note": "none"}}])
    bench.drop("m\udce9t\udce9o.ndjson", "\n".join(rows))
    bench.drop("garbage.ndjson", '{"broken\n' * 1_500 + '{"order": 9000, "line": 1, "note": "y"}\n')
    wide = {f"{'x' * 250}{n}": n for n in range(3_000)}
    bench.drop("wide.ndjson", json.dumps(wide))
    bench.load()
    assert bench.keys() == {**{f"{n}/1": 1 for n in range(2_500)}, "9000/1": 1}
    states = {name: (entry.state, entry.rejected) for name, entry in bench.entries().items()}
    assert states["m\\udce9t\\udce9o.ndjson"] == ("done", 0)
    assert states["garbage.ndjson"] == ("done", 1_500)
    assert states["wide.ndjson"] == ("refused", 0)


def test_dead_letter_of_a_row_without_a_key_is_the_row_without_personal_values(bench: SourceBench) -> None:
    bench.configure(rules=[{"rename": {"mail": "email"}}], personal=["mail"])
    bench.drop("a.csv", "order,line,mail\n,1,ann@example.org\n")
    bench.load()
    (letter,) = bench.letters()
    assert json.loads(letter.value) == {"order": "", "line": "1", "mail": "(personal)"}


def test_begun_file_is_not_gone_on_with_under_other_read_options(bench: SourceBench) -> None:
    bench.drop("0.csv", orders(0, 2_500))
    bench.kill_at("committed", 1)
    bench.configure(read={"csv": {"skip_lines": 1}})
    bench.load()
    assert "other `read` options" in bench.entries()["0.csv"].detail
    assert len(bench.keys()) <= 1_000


def test_ledger_waits_for_what_another_source_has_open(bench: SourceBench) -> None:
    """Who read only what lies before somebody's open transaction would load its own newest rows again."""
    mine, other = (KafkaTransactions(bench.brokers, f"{bench.name}.{who}") for who in ("mine", "other"))
    mine.start()
    other.start()
    other.produce([FileEntry(source="other", sha256="0", file="x", size=0).record()])
    wait_until(lambda: log_end(bench.brokers, LEDGER, 0) > end_of_committed(bench), "the transaction to be open", 30)
    mine.produce([FileEntry(source=bench.name, sha256="0", file="x", size=0).record()])
    mine.commit()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_entries, bench.brokers)
        # It must not answer before; for how long it would wait is no matter.
        assert not wait([reading], 2).done
        other.commit()
        assert any(entry.source == bench.name for entry in reading.result(60))
    mine.close()
    other.close()


def end_of_committed(bench: SourceBench) -> int:
    with closing(RangeReader(bench.brokers, LEDGER, 0)) as reader:
        return reader.bounds()[1]


def test_refused_file_is_loaded_on_when_it_is_dropped_again_after_the_source_is_mended(bench: SourceBench) -> None:
    bench.configure(rules=[], into={"topic": bench.topic, "key": "{no_such_column}"})
    path = bench.drop("0.csv", HEADER + "1,1,5\n2,1,6\n")
    bench.load()
    assert bench.entries()["0.csv"].state == "refused"
    bench.configure(rules=[])
    (bench.folder / "quarantine" / path.name).rename(path)
    bench.load()
    assert bench.keys() == {"1/1": 1, "2/1": 1}
    assert bench.entries()["0.csv"].state == "done"


def test_readings_go_to_the_raw_topic_under_their_device(bench: SourceBench) -> None:
    device = f"station-{bench.name}"
    bench.configure(
        rules=[
            {"time": {"from": ["at"], "formats": ["iso"], "into": "time"}},
            {"cast": {"columns": {"co": "number"}}},
        ],
        into={"topic": "readings.raw", "device": device, "metrics": ["co"]},
    )
    bench.drop("day.ndjson", '{"at": "2026-01-02T03:04:05Z", "co": "1.5"}\n')
    bench.load()
    found = [m for m in bench.messages_of("readings.raw") if m.key() == f"default/{device}".encode()]
    assert [json.loads(m.value() or b"") for m in found] == [{"time": 1_767_323_045_000_000, "co": 1.5}]
    assert dict(found[0].headers() or [])["format"] == b"json"


def test_optional_field_of_the_first_rows_is_optional_after_a_kill_too(bench: SourceBench) -> None:
    bench.configure(rules=[{"trim": ["note"]}])
    rows = [f'{{"order": {n}, "line": 1' + (', "note": "x"}' if n < 1_000 else "}") for n in range(2_500)]
    bench.drop("notes.ndjson", "\n".join(rows))
    bench.kill_at("committed", 2)
    bench.load()
    assert bench.entries()["notes.ndjson"].state == "done"
    assert bench.keys() == {f"{n}/1": 1 for n in range(2_500)}


def test_own_topic_has_a_schema_that_grows_and_keeps_its_types(bench: SourceBench) -> None:
    bench.configure(rules=[])
    bench.drop("1.ndjson", '{"order": 1, "line": 1, "note": null}\n')
    bench.load()
    bench.drop("2.ndjson", '{"order": 2, "line": 1, "note": "x"}\n')
    bench.drop("3.ndjson", '{"order": "three", "line": 1}\n')
    bench.load()
    schema = read_schema(bench.brokers, bench.topic)
    assert schema is not None
    assert (schema.version, schema.key) == (2, "{order}/{line}")
    assert schema.columns == {"order": "number", "line": "number", "note": "text"}
    versions = {m.key(): dict(m.headers() or [])["schema"] for m in bench.messages()}
    assert versions == {b"1/1": f"{bench.topic}.v1".encode(), b"2/1": f"{bench.topic}.v2".encode()}
    assert "column order is text here and number" in bench.entries()["3.ndjson"].detail
