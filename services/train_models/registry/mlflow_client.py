"""MLflow's client: set up without reports and pickle, on a database that is there and made by one process at a time."""

import fcntl
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

ENVIRONMENT: Mapping[str, str] = {
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # That a server is away is said after seconds and not after minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
"""With which MLflow runs, here and as a server."""

_SQLITE = "sqlite:///"
_CONNECT_S = 10


def set_environment() -> None:
    """To be called before MLflow is imported, which reads it then."""
    os.environ.update(ENVIRONMENT)


def new_client(uri: str) -> "MlflowClient":
    """A client of a database or a server; makes the database's tables where there are none.

    Raises:
        MlflowException, SQLAlchemyError: it doesn't answer.
    """
    set_environment()
    from mlflow import MlflowClient

    if uri.startswith("postgresql"):
        _connect_once(uri)
    if uri.startswith("http"):
        return MlflowClient(tracking_uri=uri, registry_uri=uri)
    with _alone(uri), _without_its_warnings():
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        # The registry's part begins with its first use.
        client.search_registered_models(max_results=1)
    return client


def _connect_once(uri: str) -> None:
    """MLflow itself would try for a minute and a half."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(uri, connect_args={"connect_timeout": _CONNECT_S})
    engine.connect().close()
    engine.dispose()


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Holds a lock beside an SQLite file: two processes that make its tables would both fail on the other's.

    MLflow's own lock ends too early: one that finds all tables doesn't wait until they are brought up to date.
    """
    if not uri.startswith(_SQLITE):
        yield
        return
    path = Path(uri.removeprefix(_SQLITE))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _without_its_warnings() -> Iterator[None]:
    """Of what MLflow 3.17 uses, SQLAlchemy 2.1 calls `noload` deprecated, once, as the tables are declared."""
    from sqlalchemy.exc import SADeprecationWarning

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The ``noload`` loader", category=SADeprecationWarning)
        yield
