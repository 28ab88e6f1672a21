"""Every service has the same inner shape, so that who knows one finds everything in the next."""

import re
from pathlib import Path

import pytest

from deploy.docs import SERVICES
from headrace.topics import load_topics

ROOT = Path(__file__).parents[2]
FILES = ("README.md", "__init__.py", "__main__.py", "settings.py", "app.py", "metrics.py")
CLIENTS = re.compile(r"^(?:from|import) (confluent_kafka|paho|cassandra|faust|aiokafka)\b", re.MULTILINE)


def test_every_folder_with_an_app_is_a_service() -> None:
    assert sorted(SERVICES) == sorted(path.parent.name for path in (ROOT / "services").glob("*/app.py"))


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("name", FILES)
def test_service_has_the_file(service: str, name: str) -> None:
    assert (ROOT / "services" / service / name).is_file()


@pytest.mark.parametrize("service", SERVICES)
def test_package_says_what_it_reads_and_writes(service: str) -> None:
    text = (ROOT / "services" / service / "__init__.py").read_text()
    named: dict[str, set[str]] = {"Reads": set(), "Writes": set()}
    for verb, line in re.findall(r"^(Reads|Writes): (.*)$", text, re.MULTILINE):
        named[verb] |= set(re.findall(r"[a-z_]+(?:\.[a-z]+)+|deadletters", line))
    topics = load_topics().values()
    assert {topic.name for topic in topics if service in topic.readers} <= named["Reads"]
    assert {topic.name for topic in topics if service in topic.writers} <= named["Writes"]


@pytest.mark.parametrize("service", SERVICES)
def test_dockerfile_can_build_it_from_its_own_lock(service: str) -> None:
    lock = (ROOT / "requirements" / f"{service}.txt").read_text()
    assert "confluent-kafka==" in lock and "pytest==" not in lock
