"""Test corpora made to break parsers: readings or a dead letter, whatever the format."""

import json
from pathlib import Path

import pytest

from headrace import records
from headrace.errors import Reason, TerminalError
from headrace.raw import Format
from headrace.records import Reading
from process_readings.decode import decode_record

NOT_JSON = {Reason.MALFORMED_JSON, Reason.INVALID_UTF8, Reason.EMPTY_BODY}


def read(body: bytes, form: Format) -> list[Reading] | Reason:
    """What a body becomes; its readings can be written and read."""
    headers = [("format", form.encode()), ("metric", b"m")]
    try:
        readings = decode_record(body, b"default/d", headers, ("readings.raw", 0, 0), 1_700_000_000_000_000)
    except TerminalError as error:
        return error.reason
    for reading in readings:
        assert records.decode(records.encode(reading), records.headers_of(reading)) == reading
    return readings


@pytest.fixture(scope="module")
def suite(shared_data: Path) -> list[Path]:
    files = sorted((shared_data / "files" / "jsontestsuite").rglob("*.json"))
    assert len(files) > 300
    return files


@pytest.mark.parametrize("form", Format)
def test_json_test_suite_does_no_harm(form: Format, suite: list[Path]) -> None:
    for file in suite:
        read(file.read_bytes(), form)


def test_json_that_parsers_must_accept_is_never_called_malformed(suite: list[Path]) -> None:
    for file in suite:
        if file.name.startswith("y_"):
            found = read(file.read_bytes(), Format.JSON)
            assert isinstance(found, list) or found not in NOT_JSON, file.name


def test_json_that_parsers_must_refuse_is_refused(suite: list[Path]) -> None:
    for file in suite:
        if file.name.startswith("n_"):
            assert isinstance(read(file.read_bytes(), Format.JSON), Reason), file.name


@pytest.mark.parametrize("form", Format)
def test_naughty_strings_do_no_harm(form: Format, shared_data: Path) -> None:
    strings = json.loads((shared_data / "files" / "blns" / "blns.json").read_text())
    for text in strings:
        read(text.encode(errors="surrogatepass"), form)
        read(json.dumps({text: 1, "ts": text}).encode(), form)


def test_naughty_strings_are_text_readings_like_any(shared_data: Path) -> None:
    strings = json.loads((shared_data / "files" / "blns" / "blns.json").read_text())
    for text in strings:
        found = read(json.dumps({"note": text}).encode(), Format.JSON)
        assert isinstance(found, list)
        assert found[0].text == text
