"""Runs JavaScript in Node with the client of `clients/javascript`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import Any

import pytest

from deploy.local.paths import PROJECT

CLIENT = PROJECT / "clients" / "javascript"
_LEAST = (20, 6)
"""Debian 12 has 18, which lacks what browsers of today have."""

_PRINTED = "printed: "
"""Before what `print` writes, as scripts may write other lines too."""


def run_module(script: str, **environment: str) -> list[Any]:
    """What a module prints by `print`, as JSON.

    Imports are relative to the client's folder. A test is skipped where there is no Node that is new enough.
    """
    node = _node()
    text = f"const print = (value) => console.log('{_PRINTED}' + JSON.stringify(value));\n{script}"
    command = [node, "--input-type=module", "-"]
    done = subprocess.run(
        command,
        input=text,
        cwd=CLIENT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = [line.removeprefix(_PRINTED) for line in done.stdout.splitlines() if line.startswith(_PRINTED)]
    return [json.loads(line) for line in found]


def _node() -> str:
    path = shutil.which("node")
    version = path and subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"v(\d+)\.(\d+)", version or "")
    if path is None or found is None or (int(found[1]), int(found[2])) < _LEAST:
        pytest.skip(f"no Node {_LEAST[0]}.{_LEAST[1]} or later here, which the JavaScript client is tried in")
    return path
