"""Writes sources as Airflow DAGs, for a team whose orchestrator is Airflow (3) rather than the service's own schedule.

A DAG runs `headrace sources run NAME`, whose position is in Kafka: a run that Airflow repeats delivers nothing twice.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from ingest_sources.feeds.feed_source import PolledSource
from ingest_sources.files.file_source import FileSource
from ingest_sources.schedule import Schedule
from ingest_sources.source import Source

_HEAD = '''"""{about}

Written by `headrace sources airflow`; change the source's file and write it again.
"""

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Asset
{timetable}
with DAG(
    dag_id={dag_id},
    description={description},
    schedule={schedule},
    start_date=datetime(2020, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={{"retries": 5, "retry_delay": timedelta(seconds=30), "retry_exponential_backoff": True}},
    tags=["headrace"],
):
    BashOperator(
        task_id="run",
        bash_command={command},
        outlets=[Asset({asset})],
    )
'''
_TIMETABLE = "from airflow.timetables.trigger import CronTriggerTimetable\n"
_FOLDER_EVERY_S = 300


def write_dags(sources: Mapping[str, Source], folder: Path, command: str) -> tuple[list[Path], list[str]]:
    """Writes a DAG for each source that ends by itself; returns the files, and the names of the streams.

    Args:
        command: what runs on Airflow's workers before `sources run NAME`, such as `headrace` or a path to it.

    Raises:
        OSError: the folder can't be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written, streams = [], []
    for name, source in sources.items():
        if isinstance(source, FileSource | PolledSource):
            path = folder / f"headrace_{name}.py"
            path.write_text(dag_of(source, command))
            written.append(path)
        else:
            streams.append(name)
    return written, streams


def dag_of(source: FileSource | PolledSource, command: str) -> str:
    """The Python text of a source's DAG."""
    about = source.about or f"Source {source.name} of Headrace."
    return _HEAD.format(
        # In a docstring; all other texts are literals.
        about=about.replace("\\", "/").replace('"', "'"),
        dag_id=json.dumps(f"headrace_{source.name}"),
        description=json.dumps(about),
        schedule=_schedule(source.schedule if isinstance(source, PolledSource) else None),
        timetable=_TIMETABLE if _has_zone(source) else "",
        command=json.dumps(f"{command} sources run {source.name}"),
        asset=json.dumps(_asset(source.name)),
    )


def _schedule(schedule: Schedule | None) -> str:
    if schedule is None:
        return f"timedelta(seconds={_FOLDER_EVERY_S})"
    if schedule.after:
        # Runs when all of them have: Airflow has no "at this time, but after those".
        return f"({' & '.join(f'Asset({json.dumps(_asset(name))})' for name in schedule.after)})"
    if schedule.cron is None:
        return f"timedelta(seconds={schedule.every_seconds:g})"
    if schedule.zone == "UTC":
        return json.dumps(schedule.cron)
    return f"CronTriggerTimetable({json.dumps(schedule.cron)}, timezone={json.dumps(schedule.zone)})"


def _has_zone(source: FileSource | PolledSource) -> bool:
    return isinstance(source, PolledSource) and "CronTriggerTimetable" in _schedule(source.schedule)


def _asset(name: str) -> str:
    return f"headrace://sources/{name}"
