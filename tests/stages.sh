#!/usr/bin/env bash
# Runs every stage of `make test` and prints how long each took; stops at the first that fails.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(dirname "${PYTHON:-.venv/bin/python}")

stage() {
    local name=$1 start=$SECONDS
    shift
    echo "== $name"
    "$@"
    times+=("$(printf '%-12s %4d s' "$name" $((SECONDS - start)))")
}

times=()
stage lint "$bin/ruff" check .
stage format "$bin/ruff" format --check .
stage imports "$bin/lint-imports"
stage types "$bin/mypy"
stage tests "$bin/python" -m tests.lanes --durations=10
printf '%s\n' "== stages" "${times[@]}"
