"""What made a model: the code's version and commit, and the libraries'."""

import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_LIBRARIES = (
    "imbalanced-learn",
    "lightgbm",
    "numpy",
    "onnx",
    "onnxruntime",
    "optuna",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "skops",
)
_PROJECT = Path(__file__).resolve().parents[2]


def libraries() -> dict[str, str]:
    """Name → version of those that a model depends on."""
    return {name: version(name) for name in _LIBRARIES}


def code() -> str:
    """Version of the installed project, with the commit where it runs from a checkout; `+` says that it was changed."""
    try:
        release = version("headrace")
    except PackageNotFoundError:
        release = "unknown"
    commit = _git("rev-parse", "--short=12", "HEAD")
    if not commit:
        return release
    return f"{release} {commit}{'+' if _git('status', '--porcelain', '--untracked-files=no') else ''}"


def _git(*arguments: str) -> str:
    try:
        found = subprocess.run(["git", "-C", _PROJECT, *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""
