"""An HTTP source without Kafka: what its feed gives, run by run, and where it then is."""

from contextlib import closing
from pathlib import Path
from typing import Any

import httpcore

from headrace.clock import Clock
from ingest_sources.feeds.feed import Cursor, FeedPart
from ingest_sources.http_apis.http_connector import HttpConnector
from ingest_sources.http_apis.http_source import HttpOptions
from ingest_sources.http_apis.look_up import LookUp, look_up
from ingest_sources.secret_files import Secrets


class HttpBench:
    """A source that asks an API; `run` is one run of it.

    Attributes:
        cursor: where it is.
    """

    def __init__(
        self,
        root: Path,
        url: str,
        look_up: LookUp = look_up,
        network: httpcore.NetworkBackend | None = None,
        clock: Clock | None = None,
        secrets: dict[str, str] | None = None,
        **options: Any,
    ) -> None:
        for name, text in (secrets or {}).items():
            (root / name).touch(mode=0o600)
            (root / name).write_text(text)
        content = {"url": url, "allow_private": True, **options}
        self.connect = HttpConnector(
            HttpOptions.model_validate(content), Secrets(root), look_up=look_up, network=network, clock=clock
        )
        self.cursor: Cursor | None = None

    def run(self, parts: int | None = None) -> list[Any]:
        """The ids of a run's rows; it is broken off after so many parts."""
        found: list[Any] = []
        for part in self.parts(parts):
            found += ids_of(part)
        return found

    def parts(self, most: int | None = None) -> list[FeedPart]:
        """The parts of a run; it is broken off after so many."""
        found: list[FeedPart] = []
        with closing(self.connect()) as feed:
            for part in feed.parts(self.cursor):
                if part is not None:
                    found.append(part)
                    self.cursor = part.cursor
                if len(found) == most:
                    break
        return found


def ids_of(part: FeedPart) -> list[Any]:
    """The column `id` of a part's rows."""
    return [number for section in part.sections if section.rows.table.height for number in section.rows.table["id"]]
