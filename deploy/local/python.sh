#!/usr/bin/env bash
# Makes .venv with Python 3.11 and exactly what requirements/dev.txt locks.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=""
for candidate in python3.11 python3 /usr/bin/python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "headrace: needs Python 3.11 or 3.12; on Debian 12: apt-get install python3 python3-venv. Elsewhere: docker compose up" >&2
    exit 1
fi
if ! "$python" -m venv --help >/dev/null 2>&1 || ! "$python" -c 'import ensurepip' 2>/dev/null; then
    if ! bash deploy/local/install.sh python3-venv; then
        echo "headrace: needs the venv module; on Debian 12: apt-get install python3-venv" >&2
        exit 1
    fi
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
