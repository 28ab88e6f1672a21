"""Sources as Airflow DAGs. That Airflow takes them is checked by hand: its packages are not among ours."""

import ast
from pathlib import Path

from ingest_sources.airflow_dags import dag_of, write_dags
from ingest_sources.feeds.feed_source import PolledSource
from ingest_sources.files.file_source import FileSource
from ingest_sources.kafka_topics.kafka_source import KafkaSource

INTO = {"topic": "sources.own", "key": "{id}"}


def polled(**schedule: object) -> PolledSource:
    return PolledSource.model_validate(
        {"name": "orders", "kind": "database", "about": 'The "shop"\\s', "schedule": schedule, "into": INTO}
    )


def schedule_of(source: PolledSource | FileSource) -> str:
    """What the DAG's text gives as `schedule`."""
    tree = ast.parse(dag_of(source, "headrace"))
    call = next(node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "DAG")
    return next(ast.unparse(each.value) for each in call.keywords if each.arg == "schedule")


def test_schedules_are_airflows() -> None:
    assert schedule_of(polled(every_seconds=90)) == "timedelta(seconds=90)"
    assert schedule_of(polled(cron="0 6 * * *")) == "'0 6 * * *'"
    zoned = polled(cron="0 6 * * *", zone="Europe/Oslo")
    assert schedule_of(zoned) == "CronTriggerTimetable('0 6 * * *', timezone='Europe/Oslo')"
    assert "import CronTriggerTimetable" in dag_of(zoned, "headrace")


def test_source_after_others_waits_for_what_they_write() -> None:
    after = schedule_of(polled(every_seconds=90, after=["customers", "items"]))
    assert after == "Asset('headrace://sources/customers') & Asset('headrace://sources/items')"
    assert 'outlets=[Asset("headrace://sources/orders")]' in dag_of(polled(every_seconds=90), "headrace")


def test_streams_are_left_out_and_said_so(tmp_path: Path) -> None:
    files = FileSource.model_validate({"name": "air", "kind": "files", "folder": "air", "into": INTO})
    topic = {"brokers": "b:9092", "topics": ["t"]}
    stream = KafkaSource.model_validate({"name": "s", "kind": "kafka", "kafka": topic, "into": INTO})
    written, streams = write_dags({"air": files, "s": stream}, tmp_path / "dags", "/opt/bin/headrace")
    assert ([path.name for path in written], streams) == (["headrace_air.py"], ["s"])
    assert 'bash_command="/opt/bin/headrace sources run air"' in written[0].read_text()
