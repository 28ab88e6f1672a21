"""Writes what the READMEs repeat from the code: each service's settings, and the flow's picture from the topics file.

`make docs` runs `python -m deploy.docs`; a test compares. A block stands between `<!-- NAME -->` and `<!-- /NAME -->`.
"""

import importlib
import re
from pathlib import Path

from headrace.settings import ServiceSettings, settings_table
from headrace.topics import Topic, load_topics

ROOT = Path(__file__).resolve().parents[1]
_READERS = {"headrace": "operators([headrace deadletters])"}
SERVICES = (
    "ingest_mqtt",
    "ingest_sources",
    "process_readings",
    "process_predictions",
    "process_interactions",
    "sink_cassandra",
    "serve_api",
    "train_models",
)


def settings_of(service: str) -> type[ServiceSettings]:
    """The settings class of a service."""
    found: type[ServiceSettings] = importlib.import_module(f"{service}.settings").Settings
    return found


def flow_picture(topics: dict[str, Topic]) -> str:
    """A Mermaid flowchart: services are boxes, topics are rounded, arrows say who writes and who reads."""
    lines = ["```mermaid", "flowchart LR", "  devices([devices]) -- MQTT --> broker([MQTT broker]) --> ingest_mqtt"]
    lines += [
        "  sources([files, databases, APIs,<br/>RabbitMQ, Kafka]) --> ingest_sources",
        "  senders([senders]) --> serve_api",
    ]
    for topic in topics.values():
        node = topic.name.replace(".", "_")
        lines.append(f"  {node}([{topic.name}])")
        lines += [f"  {writer} --> {node}" for writer in topic.writers]
        lines += [f"  {node} --> {_READERS.get(reader, reader)}" for reader in topic.readers]
    lines += [
        "  sink_cassandra --> cassandra[(Cassandra)] --> serve_api",
        "  serve_api --> clients([clients, Grafana])",
    ]
    return "\n".join([*lines, "```"])


def topics_table(topics: dict[str, Topic]) -> str:
    """The Markdown table of all topics."""
    rows = ["| topic | what | record | partitions | kept |", "| --- | --- | --- | --- | --- |"]
    for topic in topics.values():
        kept = f"{topic.retention_days:g} days" if topic.retention_days else "newest per key"
        rows.append(f"| `{topic.name}` | {topic.about} | {topic.record} | {topic.partitions} | {kept} |")
    return "\n".join(rows)


def with_block(text: str, name: str, content: str) -> str:
    """The text with the content of one block replaced."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"no block <!-- {name} --> … <!-- /{name} --> to write to")
    return pattern.sub(lambda found: f"{found[1]}\n{content}\n\n{found[2]}", text)


def documents() -> dict[Path, str]:
    """Each document that has blocks → its text as it should be."""
    result = {}
    for service in SERVICES:
        path = ROOT / "services" / service / "README.md"
        result[path] = with_block(path.read_text(), "settings", settings_table(settings_of(service)))
    topics = load_topics()
    readme = with_block((ROOT / "README.md").read_text(), "flow", flow_picture(topics))
    result[ROOT / "README.md"] = with_block(readme, "topics", topics_table(topics))
    return result


if __name__ == "__main__":
    for document, wanted in documents().items():
        document.write_text(wanted)
