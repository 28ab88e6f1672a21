"""`headrace detect`: the live rules over a file."""

import csv
import io
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headrace.cli import build_cli
from headrace.errors import ConfigurationError
from process_readings.detect.registry import make_detector
from process_readings.detect.score_rows import RowScorer, read_rows
from process_readings.device_types import load_device_types

SEED = 20261124
TYPES = """
default:
  about: For the tests.
  metrics:
    - match: ["temperature"]
      unit: Cel
      range: [-40, 125]
    - match: ["setpoint"]
      detector: none
fahrenheit:
  about: States no unit and means Fahrenheit.
  zone: Europe/Berlin
  metrics:
    - match: ["temperature"]
      unit: Cel
      device_unit: degF
      range: [-40, 125]
"""


@pytest.fixture
def types(tmp_path: Path) -> Path:
    path = tmp_path / "types.yaml"
    path.write_text(TYPES, encoding="utf-8")
    return path


def values(count: int = 400) -> list[float]:
    rng = random.Random(SEED)
    return [round(rng.gauss(20.0, 0.5), 2) for _ in range(count)]


def csv_of(rows: Sequence[tuple[object, object]]) -> str:
    return "".join(f"{timestamp},{value}\n" for timestamp, value in [("timestamp", "value"), *rows])


def timed(numbers: list[float]) -> list[tuple[int, float]]:
    return [(1_700_000_000 + 5 * at, number) for at, number in enumerate(numbers)]


def detect(text: str | bytes, types: Path, *options: str) -> list[dict[str, str]]:
    file = types.with_name("in.csv")
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    result = CliRunner().invoke(build_cli(), ["detect", str(file), "--device-types", str(types), *options])
    if result.exception is not None:
        raise result.exception
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_a_spike_is_found_and_every_row_is_written_as_it_came(types: Path) -> None:
    numbers = [*values(), 55.5, *values(20)]
    rows = detect(csv_of(timed(numbers)), types)
    assert [(row["timestamp"], row["value"]) for row in rows] == [(str(t), str(v)) for t, v in timed(numbers)]
    assert [at for at, row in enumerate(rows) if row["is_anomaly"] == "true"] == [400]
    assert "spreads above" in rows[400]["reason"]
    assert list(rows[0]) == ["timestamp", "value", "anomaly_score", "threshold", "is_anomaly", "reason"]
    assert (rows[0]["anomaly_score"], rows[0]["reason"]) == ("", "warming up")


def test_scores_are_those_of_the_live_detector_to_the_bit(types: Path) -> None:
    numbers = [*values(), 55.5, *values(20)]
    detector = make_detector()
    live = [detector.observe(number, time * 1_000_000) for time, number in timed(numbers)]
    scored = [
        float(row["anomaly_score"]) if row["anomaly_score"] else None for row in detect(csv_of(timed(numbers)), types)
    ]
    assert scored == [verdict.score if verdict else None for verdict in live]


@pytest.mark.parametrize("kept", [1, 150, 400, 401, 402])
def test_a_cut_file_gives_the_same_rows_up_to_the_cut(types: Path, kept: int) -> None:
    rows = timed([*values(), 55.5, 400.0, *values(20)])
    whole = detect(csv_of(rows), types, "--metric", "temperature")
    assert detect(csv_of(rows[:kept]), types, "--metric", "temperature") == whole[:kept]


def test_the_device_type_gives_range_and_unit_as_live(types: Path) -> None:
    numbers = [*values(), 130.0, 131.0]
    celsius = detect(csv_of(timed(numbers)), types, "--metric", "temperature")[-2:]
    assert [row["is_anomaly"] for row in celsius] == ["true", "false"]
    assert celsius[0]["reason"] == "130 is above the greatest possible value 125"
    assert celsius[1]["reason"] == "131 is above the greatest possible value 125, as the readings before it"
    fahrenheit = detect(csv_of(timed(numbers)), types, "--metric", "temperature", "--device-type", "fahrenheit")[-2:]
    assert "spreads above" in fahrenheit[0]["reason"]


def test_a_metric_without_a_detector_is_passed_on(types: Path) -> None:
    rows = detect(csv_of(timed(values(150))), types, "--metric", "setpoint")
    assert {(row["anomaly_score"], row["is_anomaly"], row["reason"]) for row in rows} == {("", "false", "no detector")}


@pytest.mark.parametrize("odd", ["", "nan", "inf", "n/a", "1_000", "12,5"])
def test_a_row_without_a_number_is_written_through_and_changes_no_score(types: Path, odd: str) -> None:
    rows = timed(values())
    cell = f'"{odd}"' if "," in odd else odd
    mixed = detect(csv_of([*rows[:200], (1, cell), *rows[200:]]), types)
    assert mixed.pop(200) == {
        "timestamp": "1",
        "value": odd,
        "anomaly_score": "",
        "threshold": "",
        "is_anomaly": "false",
        "reason": "not a number",
    }
    assert mixed == detect(csv_of(rows), types)


def test_times_may_be_iso_or_epoch_and_anything_else_is_said(types: Path) -> None:
    times = ["2026-11-24T09:00:00Z", "2026-11-24 09:00:05", "1700000000", "1700000000123.5", "yesterday"]
    rows = detect(csv_of([(time, 20) for time in times]), types)
    assert [row["reason"][:10] for row in rows] == ["warming up"] * 4 + ["not a time"]


def test_other_columns_and_a_byte_order_mark_are_passed_over(types: Path) -> None:
    rows = detect("\ufeffid,Value,Timestamp\n7,20.5,1700000000\n\n8,20.6,1700000005\n", types)
    assert [(row["timestamp"], row["value"]) for row in rows] == [("1700000000", "20.5"), ("1700000005", "20.6")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: no column 'timestamp'.*must name timestamp and value"),
        ("time,value\n1,2\n", "line 1: no column 'timestamp'.*found: time, value"),
        ("timestamp,temp\n1,2\n", "line 1: no column 'value'"),
        ("timestamp,value\n1,2\n3\n", "line 3: only 1 columns.*mend or drop"),
        (b"timestamp,value\n1,2\n\xff\xfe,3\n", "after line .*not UTF-8"),
        ("timestamp,value\n1," + "9" * 200_000 + "\n", "line 2: no CSV"),
    ],
)
def test_a_broken_file_is_an_error_that_names_the_line(types: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        detect(text, types)


def test_wrong_options_say_what_to_do(types: Path) -> None:
    text = csv_of(timed(values(3)))
    with pytest.raises(ConfigurationError, match="no device type 'fridge'; choose one of default, fahrenheit"):
        detect(text, types, "--device-type", "fridge")
    with pytest.raises(ConfigurationError, match="is the file that is read"):
        detect(text, types, "--output", str(types.with_name("in.csv")))
    with pytest.raises(ConfigurationError, match=r"absent\.csv cannot be read: No such file"):
        result = CliRunner().invoke(build_cli(), ["detect", str(types.with_name("absent.csv"))])
        raise result.exception or AssertionError(result.output)


def test_the_output_file_holds_what_the_terminal_would_show(types: Path) -> None:
    output = types.with_name("out.csv")
    text = csv_of(timed([*values(), 55.5]))
    assert detect(text, types, "--output", str(output)) == []
    assert list(csv.DictReader(io.StringIO(output.read_text("utf-8")))) == detect(text, types)


def test_a_row_is_scored_before_the_next_is_read(types: Path) -> None:
    scorer = RowScorer(load_device_types(types), "default", "value")
    read = 0

    def lines() -> Iterator[str]:
        nonlocal read
        yield "timestamp,value\n"
        while True:
            read += 1
            yield f"{1_700_000_000 + read},20\n"

    rows = read_rows(lines(), "endless")
    for number in range(1, 500):
        scorer.judge(*next(rows))
        assert read == number


def test_help_shows_an_example() -> None:
    assert (
        "headrace detect cellar.csv --metric temperature"
        in CliRunner().invoke(build_cli(), ["detect", "--help"]).stdout
    )
