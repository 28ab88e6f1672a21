"""`headrace subjects`: the keys of subjects, and their replacement."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic_settings import SettingsConfigDict

from headrace.cassandra import CassandraSettings
from headrace.subjects.erased import ErasedSubjects
from headrace.subjects.keys import SubjectKeys, add_master, ensure_keys, read_secrets
from headrace.subjects.rotate import rotate
from headrace.subjects.subject_store import SubjectStore
from headrace.subjects.subject_table import SubjectTable

app = typer.Typer(help="The keys that stand between a person and their records.", no_args_is_help=True)
_File = Annotated[Path, typer.Option("--keys", help="The file of subject keys, which all edges share")]
_IsAdded = Annotated[
    bool, typer.Option("--added", help="Adds no key, since add-key did and all edges have a copy of the file with it")
]
_GivesUp = Annotated[
    bool,
    typer.Option(
        "--give-up",
        help="Deletes subjects that are sealed with keys which the file lacks, when no copy has them: who had one is "
        "somebody new",
    ),
]


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


@app.command("add-key")
def add_key(keys: _File) -> None:
    """Adds a master key, with which subjects are sealed from now on: the first step where edges have copies.

    An edge without the newest copy holds back those who are sealed with the new key, until it has it.

    Example: headrace subjects add-key --keys /etc/headrace/subjects.json
    """
    typer.echo(
        f"{keys}: copy it to all edges, then run headrace subjects rotate --added; key {add_master(keys).current}"
    )


@app.command("rotate")
def replace_master(keys: _File, is_added: _IsAdded = False, gives_up: _GivesUp = False) -> None:
    """Seals all subjects with a new master key and destroys the old ones: nothing deleted can be read then, anywhere.

    To be run each day where no serve_api does it (SERVE_API_ROTATE_SUBJECT_KEYS), on the machine whose file all edges
    read. Where they have copies: add-key, copy the file, rotate --added, copy it again. Where Cassandra and Kafka are
    is told by HEADRACE_SUBJECTS_CASSANDRA_HOSTS, HEADRACE_SUBJECTS_BROKERS and so on.

    Example: headrace subjects rotate --keys /etc/headrace/subjects.json
    """
    settings = Settings.load()
    erased = ErasedSubjects(settings.brokers)
    store = SubjectStore(SubjectTable(settings), SubjectKeys(keys), erased)
    try:
        erased.start()
        done = rotate(keys, store, adds=not is_added, gives_up=gives_up)
    finally:
        erased.stop()
        store.close()
    typer.echo(
        f"{done.resealed} subjects sealed anew, {done.deleted} rows of erased ones deleted, {done.given_up} given up, "
        f"master keys destroyed: {', '.join(done.dropped) or 'none'}"
    )
