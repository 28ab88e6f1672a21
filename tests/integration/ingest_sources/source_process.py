"""Loads what lies in a source's folder, as `headrace sources run` does, and can kill itself at a step.

Usage: python source_process.py NAME [STEP COUNT]; the settings are in the environment.
"""

import sys
import threading

from headrace.errors import TransientError
from headrace.logs import configure_logs
from headrace.streams.task import no_step
from headrace.testing import kill_at
from ingest_sources.app import Parts
from ingest_sources.files.file_source import FileSource
from ingest_sources.files.folder_run import FolderRun
from ingest_sources.settings import Settings
from ingest_sources.source import load_source


def main(name: str, step: str = "", count: str = "1") -> int:
    configure_logs("ingest_sources", "INFO")
    settings = Settings.load()
    on_step = kill_at(step, int(count)) if step else no_step
    source = load_source(settings.sources / f"{name}.yaml")
    if not isinstance(source, FileSource):
        raise TypeError(f"{name} is no source of files")
    parts = Parts(settings, source, threading.Event(), on_step=on_step)
    run = _started(parts)
    parts.work_off(run)
    while parts.folder.waiting():
        threading.Event().wait(0.05)
        run.work_off()
    return 0


def _started(parts: Parts) -> FolderRun:
    while True:
        try:
            return parts.start()
        except TransientError:
            threading.Event().wait(0.2)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
