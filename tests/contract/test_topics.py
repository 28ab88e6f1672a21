"""The flow file names only what exists, and nobody reads what nobody writes."""

from pathlib import Path

import pytest

from headrace.errors import ConfigurationError
from headrace.records import SCHEMAS
from headrace.topics import load_topics

SERVICES = {path.name for path in (Path(__file__).parents[2] / "services").iterdir() if (path / "app.py").exists()}


@pytest.mark.parametrize("topic", load_topics().values(), ids=lambda topic: topic.name)
def test_topic_names_a_known_record_and_known_services(topic: object) -> None:
    assert topic.record in {"raw", "cells", *SCHEMAS}  # type: ignore[attr-defined]  # pytest's parameters carry no types
    assert {*topic.writers, *topic.readers} <= SERVICES | {"headrace"}  # type: ignore[attr-defined]


def test_raw_lives_at_least_as_long_as_what_is_derived_from_it() -> None:
    topics = load_topics()
    raw = topics["readings.raw"].retention_days
    derived = [topics[name].retention_days for name in topics if name.startswith("readings.")]
    assert raw is not None and all(days is not None and days <= raw for days in derived)


def test_wrong_file_says_which_topic_and_field(tmp_path: Path) -> None:
    wrong = tmp_path / "topics.yaml"
    wrong.write_text("topics: {a.b: {about: x, key: k, record: raw, partitions: 0, writers: []}}")
    with pytest.raises(ConfigurationError, match=r"(?s)partitions.*greater than or equal to 1"):
        load_topics(wrong)
