"""Functions of the operator's are imported from one folder alone, and a mistake in them is told with its place."""

from pathlib import Path

import polars as pl
import pytest

from headrace.errors import ConfigurationError
from ingest_sources.functions import load_functions
from ingest_sources.rules.custom_rule import Function
from ingest_sources.rules.models import Custom


def load(folder: Path | None, function: str = "my_rules.clean", **options: object) -> Function:
    return load_functions(folder, [Custom(function=function, options=options)])[function]


def written(folder: Path, text: str, name: str = "my_rules.py") -> Path:
    (folder / name).write_text(text)
    return folder


def test_a_function_can_use_its_neighbours_and_options(tmp_path: Path) -> None:
    written(tmp_path, "def upper(name): return name.upper()", "helpers.py")
    text = "from .helpers import upper\ndef clean(table, to): return table.rename({to: upper(to)})\n"
    function = load(written(tmp_path, text), to="a")
    assert function(pl.DataFrame({"a": [1]}), to="a").columns == ["A"]


def test_a_module_may_be_named_as_one_of_pythons(tmp_path: Path) -> None:
    function = load(written(tmp_path, "def clean(table): return table", "json.py"), "json.clean")
    assert function.__code__.co_filename == str(tmp_path / "json.py")


def test_pythons_own_modules_are_out_of_reach(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no .*/os\.py"):
        load(tmp_path, "os.system")


def test_without_the_setting_there_are_none() -> None:
    with pytest.raises(ConfigurationError, match=r"my_rules.clean: set INGEST_SOURCES_FUNCTIONS"):
        load(None)
    assert load_functions(None, ()) == {}


def test_a_folder_that_is_missing_or_open_to_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no folder"):
        load(tmp_path / "none")
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigurationError, match="chmod o-w"):
        load(written(tmp_path, "def clean(table): return table"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def clear(table): ...\nfrom json import loads", r"my_rules.py has no function clean; it has clear$"),
        ("import no_such_module_at_all", r"my_rules.py:1: ModuleNotFoundError: .*no_such_module_at_all"),
        ("import json\n\njson.loads('{')", r"my_rules.py:3: JSONDecodeError"),
        ("def clean(table)\n", r"my_rules.py:1: SyntaxError"),
        ("raise SystemExit(1)", r"my_rules.py:1: SystemExit"),
        ("async def clean(table, to): ...", "is async"),
        ("def clean(): ...", "can't be called with a table and these options by name, to: .*write def NAME"),
        ("def clean(table): ...", "unexpected keyword argument 'to'"),
        ("def clean(table, to, by): ...", "missing a required argument: 'by'"),
        ("def clean(table, /, to, *, by=1): ...", None),
        ("def clean(table, **options): ...", None),
        ("clean = 1", "has no function clean"),
    ],
)
def test_a_mistake_is_told_with_the_way_out(tmp_path: Path, text: str, said: str | None) -> None:
    folder = written(tmp_path, text)
    if said is None:
        assert callable(load(folder, to=1))
        return
    with pytest.raises(ConfigurationError, match=said):
        load(folder, to=1)
