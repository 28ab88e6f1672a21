"""Only the jars whose checksums are committed are run."""

from __future__ import annotations

import re

import pytest

from deploy.local import jars
from deploy.local.errors import StackError

_EXPECTED = {"a-1.jar": "aa", "b-1.jar": "bb"}


def test_the_expected_jars_pass() -> None:
    jars.compare("kafka", _EXPECTED, dict(_EXPECTED))


@pytest.mark.parametrize(
    "found",
    [
        {"a-1.jar": "aa", "b-1.jar": "tampered"},
        {"a-1.jar": "aa"},
        {**_EXPECTED, "c-1.jar": "cc"},
    ],
    ids=["changed", "missing", "added"],
)
def test_a_changed_a_missing_and_an_added_jar_are_refused(found: dict[str, str]) -> None:
    with pytest.raises(StackError, match=r"1 kafka jars are not the ones of jars\.sha256"):
        jars.compare("kafka", _EXPECTED, found)


@pytest.mark.parametrize(
    ("version", "jar"),
    [("kafka.version", "kafka/kafka_2.13-{}.jar"), ("cassandra.version", "cassandra/cassandra-all-{}.jar")],
)
def test_the_checksums_are_of_the_versions_in_the_pom(version: str, jar: str) -> None:
    pinned = re.search(rf"<{version}>(.*)</{version}>", jars.POM.read_text())
    assert pinned is not None
    names = {line.split()[1] for line in jars.CHECKSUMS.read_text().splitlines()}
    assert jar.format(pinned.group(1)) in names
