"""Edges of a test: processes that share a table, a file of keys and the topic of erasures."""

from pathlib import Path

from headrace.subjects.erased import ErasedSubjects
from headrace.subjects.keys import SubjectKeys, ensure_keys
from headrace.subjects.subject_store import SubjectStore
from headrace.subjects.subjects import Subjects
from tests.unit.headrace.subjects.memory_table import MemoryTable


def keys_of(folder: Path) -> Path:
    """The file of keys in a folder, made if there is none."""
    path = folder / "subjects.json"
    ensure_keys(path)
    return path


def edge(table: MemoryTable, keys: Path, most: int = 1_000) -> Subjects:
    """One that has read all erasures; it hears of new ones by `erased.add`."""
    erased = ErasedSubjects("nowhere:1")
    erased.note_read()
    return Subjects(SubjectStore(table, SubjectKeys(keys), erased), erased, most)
