#!/usr/bin/env bash
# Run every check that needs no running system, and tell of all that fail, not only of the first.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=()
run() {
    local name=$1
    shift
    printf -- '-- %s\n' "$name"
    "$@" || failed+=("$name")
}

run "ruff check" .venv/bin/ruff check --output-format concise
run "ruff format" .venv/bin/ruff format --check --output-format concise
run "mypy" .venv/bin/mypy
run "uv lock" .venv/bin/uv lock --check --quiet
run "imports and sizes" .venv/bin/pytest --quiet tests/architecture

if [ ${#failed[@]} -gt 0 ]; then
    printf 'failed: %s\n' "${failed[@]}" >&2
    exit 1
fi
