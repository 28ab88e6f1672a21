"""`headrace subjects`: the keys of subjects, and their replacement."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic_settings import SettingsConfigDict

from headrace.cassandra import CassandraSettings
from headrace.subjects.erased import ErasedSubjects
from headrace.subjects.keys import SubjectKeys, ensure_keys, read_secrets
from headrace.subjects.rotate import rotate
from headrace.subjects.subject_store import SubjectStore
from headrace.subjects.subject_table import SubjectTable

app = typer.Typer(help="The keys that stand between a person and their records.", no_args_is_help=True)
_File = Annotated[Path, typer.Option("--keys", help="The file of subject keys, which all edges share")]


class Settings(CassandraSettings):
    """Variables start with `HEADRACE_SUBJECTS_`."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_SUBJECTS_")


@app.command("keys")
def make_keys(keys: _File) -> None:
    """Makes the file where there is none, and tells which master keys it holds.

    Example: headrace subjects keys --keys /etc/headrace/subjects.json
    """
    ensure_keys(keys)
    found = read_secrets(keys)
    others = sorted(found.masters.keys() - {found.current})
    typer.echo(f"{keys}: master key {found.current}{', and ' + ', '.join(others) if others else ''}")


@app.command("rotate")
def replace_master(keys: _File) -> None:
    """Seals all subjects with a new master key and destroys the old ones: nothing deleted can be read then, anywhere.

    To be run each day, by one process, where all edges read this very file. Where Cassandra and Kafka are is told by
    HEADRACE_SUBJECTS_CASSANDRA_HOSTS, HEADRACE_SUBJECTS_BROKERS and so on.

    Example: headrace subjects rotate --keys /etc/headrace/subjects.json
    """
    settings = Settings.load()
    erased = ErasedSubjects(settings.brokers)
    store = SubjectStore(SubjectTable(settings), SubjectKeys(keys), erased)
    try:
        erased.start()
        done = rotate(keys, store)
    finally:
        erased.stop()
        store.close()
    typer.echo(
        f"{done.resealed} subjects sealed anew, {done.deleted} rows of erased ones deleted, "
        f"master keys destroyed: {', '.join(done.dropped) or 'none'}"
    )
