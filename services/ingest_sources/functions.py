"""Python functions of the operator's for the rule `custom`, out of a folder that a setting names."""

import importlib
import inspect
import stat
import sys
import traceback
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from headrace.errors import ConfigurationError
from ingest_sources.rules.custom_rule import Function, Functions
from ingest_sources.rules.models import Custom
from ingest_sources.rules.rule_model import RuleModel

_SETTING = "INGEST_SOURCES_FUNCTIONS"
_SHAPE = "def NAME(table: polars.DataFrame, **options) -> polars.DataFrame"


def load_functions(folder: Path | None, rules: Sequence[RuleModel]) -> Functions:
    """Imports the functions that rules name, and no others.

    Args:
        folder: None is: the operator allows none.

    Raises:
        ConfigurationError: the folder or a function is missing, can't be imported, or doesn't take the rule's options.
    """
    found: dict[str, Function] = {}
    for rule in rules:
        if isinstance(rule, Custom):
            function = found[rule.function] = _load(_checked(folder, rule.function), rule.function)
            _check_signature(rule.function, function, rule.options)
    return found


def _checked(folder: Path | None, name: str) -> Path:
    if folder is None:
        raise ConfigurationError(f"custom names {name}: set {_SETTING} to the folder with your functions")
    if not folder.is_dir():
        raise ConfigurationError(f"{_SETTING}: there is no folder {folder}")
    if folder.stat().st_mode & stat.S_IWOTH:
        raise ConfigurationError(f"{_SETTING}: everybody may write into {folder}, whose code is run: chmod o-w it")
    return folder.resolve()


def _load(folder: Path, name: str) -> Function:
    module_name, _, function_name = name.rpartition(".")
    module = _import(folder, module_name, name)
    function = getattr(module, function_name, None)
    if not callable(function):
        own = sorted(
            key
            for key, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__
        )
        raise ConfigurationError(
            f"custom: {module.__file__} has no function {function_name}; it has {', '.join(own) or 'none'}"
        )
    if inspect.iscoroutinefunction(function):
        raise ConfigurationError(f"custom: {name} is async, and nobody would wait for it: write {_SHAPE}")
    return function  # type: ignore[no-any-return]


def _import(folder: Path, module_name: str, name: str) -> ModuleType:
    package = _package(folder)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(f"{package}.{module_name}")
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith(f"{package}."):
            missing = error.name.removeprefix(f"{package}.").replace(".", "/")
            raise ConfigurationError(f"custom names {name}, but there is no {folder / missing}.py") from error
        raise _broken(folder, name, error) from error
    except (Exception, SystemExit) as error:
        raise _broken(folder, name, error) from error


def _package(folder: Path) -> str:
    """The package that stands for the folder: so its modules may have any name, and `from .other import x` works."""
    name = f"ingest_sources_functions_{sha256(str(folder).encode()).hexdigest()[:12]}"
    if name not in sys.modules:
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    return name


def _broken(folder: Path, name: str, error: BaseException) -> ConfigurationError:
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(folder)]
    if isinstance(error, SyntaxError):
        where = f"{error.filename}:{error.lineno}"
    else:
        where = f"{own[-1].filename}:{own[-1].lineno}" if own else str(folder)
    return ConfigurationError(f"custom: {name} can't be imported: {where}: {type(error).__name__}: {error}")


def _check_signature(name: str, function: Function, options: Mapping[str, Any]) -> None:
    try:
        signature = inspect.signature(function)
        signature.bind(None, **options)
    except (TypeError, ValueError) as error:
        given = ", ".join(options) or "none"
        raise ConfigurationError(
            f"custom: {name} can't be called with a table and these options by name, {given}: {error}; write {_SHAPE}"
        ) from error
