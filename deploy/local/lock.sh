#!/usr/bin/env bash
# Resolves pyproject.toml into lock files with hashes and without addresses: one for development, one per service.
set -euo pipefail
cd "$(dirname "$0")/../.."
compile() {
    .venv/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
        --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options --no-header "$@" pyproject.toml
}
compile --all-extras --output-file requirements/dev.txt
for service in ingest_mqtt ingest_sources process_interactions process_predictions process_readings sink_cassandra serve_api train_models; do
    compile --extra "$service" --constraint requirements/dev.txt --output-file "requirements/$service.txt"
done
