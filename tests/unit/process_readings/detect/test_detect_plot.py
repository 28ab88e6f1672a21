"""`headrace detect --plot`: what the picture shows, and what it says where none can be drawn."""

import random
import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from headrace.cli import build_cli
from headrace.errors import ConfigurationError
from process_readings.detect.plot_rows import Envelope

SEED = 20261128
TYPES = """
default:
  about: For the tests.
  metrics:
    - match: ["value"]
      range: [-40, 125]
    - match: ["setpoint"]
      detector: none
"""
Rows = list[tuple[object, object]]


def detect(folder: Path, rows: Rows, plot: Path, *options: str) -> Result:
    (folder / "types.yaml").write_text(TYPES, encoding="utf-8")
    (folder / "in.csv").write_text(
        "timestamp,value\n" + "".join(f"{time},{value}\n" for time, value in rows), encoding="utf-8"
    )
    given = [str(folder / "in.csv"), "--device-types", str(folder / "types.yaml"), "--plot", str(plot), *options]
    result = CliRunner().invoke(build_cli(), ["detect", *given])
    if result.exception is not None:
        raise result.exception
    return result


def drawn(folder: Path, rows: Rows, *options: str) -> str:
    """The picture as SVG, whose texts can be read."""
    detect(folder, rows, folder / "out.svg", *options)
    return (folder / "out.svg").read_text("utf-8")


def timed(values: list[object]) -> Rows:
    return [(1_700_000_000 + 60 * at, value) for at, value in enumerate(values)]


def noise(count: int) -> list[object]:
    rng = random.Random(SEED)
    return [round(rng.gauss(20.0, 0.5), 2) for _ in range(count)]


def test_the_picture_numbers_each_anomaly_and_gives_its_time_and_reason(tmp_path: Path) -> None:
    result = detect(tmp_path, timed([*noise(300), 99.5, *noise(60), 400.0, *noise(9)]), tmp_path / "out.svg")
    svg = (tmp_path / "out.svg").read_text("utf-8")
    assert "in.csv · value" in svg
    assert "371 rows · 2 anomalies · 1 out of range · 0 not read" in svg
    assert "anomalies, times in UTC" in svg
    for time, row in (("2023-11-15 03:13:20", 300), ("2023-11-15 04:14:20", 361)):
        assert time in svg
        reason = result.stdout.splitlines()[1 + row].split(",")[-1]
        assert reason and reason in svg
    assert {"threshold", "warming up", "anomaly", "above its range"} <= set(re.findall(">([a-z ]+)</text>", svg))


def test_only_the_strongest_anomalies_are_written_out_and_the_others_counted(tmp_path: Path) -> None:
    values = noise(2_000)
    for at in range(300, 2_000, 60):
        values[at] = 200.0 if at % 120 else 300.0
    svg = drawn(tmp_path, timed(values))
    assert "the 12 strongest of 29 anomalies, times in UTC" in svg
    assert svg.count("300 is above the greatest possible value 125") == 12


def test_rows_without_a_number_or_a_time_are_marked_and_counted(tmp_path: Path) -> None:
    svg = drawn(tmp_path, [*timed([20.0, "n/a", 21.0]), ("yesterday", 20.0)])
    assert "4 rows · 0 anomalies · 0 out of range · 2 not read" in svg
    assert ">not read</text>" in svg
    assert "no anomalies" in svg


def test_a_name_that_is_no_text_is_written_as_far_as_it_can_be(tmp_path: Path) -> None:
    assert "in.csv · odd?name" in drawn(tmp_path, timed([20.0]), "--metric", "odd\udcffname")


@pytest.mark.parametrize("rows", [[], [(1_700_000_000, "n/a")], [("never", 5.0)]], ids=["none", "no number", "no time"])
def test_a_file_without_readings_says_so(tmp_path: Path, rows: Rows) -> None:
    assert "no readings" in drawn(tmp_path, rows)


def test_a_metric_without_a_detector_shows_why_nothing_was_judged(tmp_path: Path) -> None:
    assert "no detector" in drawn(tmp_path, timed(noise(20)), "--metric", "setpoint")


HOSTILE: dict[str, Rows] = {
    "one reading": timed([20.0]),
    "flat": timed([20.0] * 300),
    "huge": timed([*noise(200), 1e99, -1e99, 1e300, 5e-324, *noise(20)]),
    "times": [*timed(noise(200)), (1, 5.0), ("9999-12-31T23:59:59Z", 6.0), ("0001-01-01T00:00:00Z", 7.0), (1, 8.0)],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_odd_series_are_drawn_without_a_warning(tmp_path: Path, name: str) -> None:
    detect(tmp_path, HOSTILE[name], tmp_path / "out.PNG", "--metric", "anything")
    assert (tmp_path / "out.PNG").read_bytes().startswith(b"\x89PNG")


def test_rows_are_the_same_with_and_without_a_picture(tmp_path: Path) -> None:
    rows = timed([*noise(300), 99.5, "n/a", 400.0])
    with_picture = detect(tmp_path, rows, tmp_path / "out.svg").stdout
    without = CliRunner().invoke(
        build_cli(), ["detect", str(tmp_path / "in.csv"), "--device-types", str(tmp_path / "types.yaml")]
    )
    assert with_picture == without.stdout


@pytest.mark.parametrize(
    ("plot", "message"),
    [
        ("out.jpg", r"out\.jpg is no picture; its name must end in \.png or \.svg"),
        ("out", "is no picture"),
        ("absent/out.png", "cannot be written; give a file in a folder that can be"),
        ("folder.png", "cannot be written"),
        ("in.csv", r"in\.csv is the file that is read; give another"),
        ("link.svg", r"link\.svg is the file that is read; give another"),
        ("scored.csv", r"scored\.csv is the file that --output writes; give another"),
    ],
)
def test_a_place_for_no_picture_is_said_before_the_work(tmp_path: Path, plot: str, message: str) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.svg").symlink_to(tmp_path / "in.csv")
    with pytest.raises(ConfigurationError, match=message):
        detect(tmp_path, timed([1.0]), tmp_path / plot, "--output", str(tmp_path / "scored.csv"))
    assert not (tmp_path / "scored.csv").exists()


def test_a_picture_that_cannot_be_finished_leaves_the_former_one(tmp_path: Path) -> None:
    (tmp_path / "out.png").write_bytes(b"the former one")
    (tmp_path / ".out.png.unfinished").mkdir()
    with pytest.raises(ConfigurationError, match=r"out\.png cannot be written: Is a directory"):
        detect(tmp_path, timed([1.0]), tmp_path / "out.png")
    assert (tmp_path / "out.png").read_bytes() == b"the former one"


def test_only_the_picture_needs_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("process_readings.detect.plot_picture", "headrace.plot_style"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigurationError, match=r"--plot needs matplotlib: pip install 'headrace\[plots\]'"):
        detect(tmp_path, timed([1.0]), tmp_path / "out.png")
    given = ["detect", str(tmp_path / "in.csv"), "--device-types", str(tmp_path / "types.yaml")]
    assert "warming up" in CliRunner().invoke(build_cli(), given).stdout


def test_every_spike_of_a_long_series_is_kept_in_few_points() -> None:
    rng, envelope = random.Random(SEED), Envelope(stretches=500)
    values = [rng.gauss(0.0, 1.0) for _ in range(100_000)]
    spikes = {7: 50.0, 12_345: -60.0, 54_321: 70.0, 99_999: 80.0}
    for at, value in spikes.items():
        values[at] = value
    for at, value in enumerate(values):
        envelope.add(at, value)
    points = envelope.points()
    assert len(points) <= 1_000
    assert points == sorted(points)
    assert set(spikes.items()) <= set(points)
    assert all(values[at] == value for at, value in points)


def test_a_short_series_is_kept_point_by_point_even_where_times_go_back() -> None:
    envelope, points = Envelope(), [(5, 1.0), (3, 2.0), (3, 2.0), (9, -1.0)]
    for time, value in points:
        envelope.add(time, value)
    assert envelope.points() == points
