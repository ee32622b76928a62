#!/usr/bin/env bash
# Run all checks: ruff, import-linter, typos, mkdocs, mypy, shellcheck, pytest. Arguments go to pytest. Installs missing packages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/require_bash.sh

tools/install.sh --test
bin=$PWD/tools/venv/bin
# Packages outside tools/venv must not replace the tested ones.
unset PYTHONPATH PYTHONHOME
# Otherwise each program of the recipes would compile all modules of torch again.
unset PYTHONDONTWRITEBYTECODE

run_group() {
    local name=$1
    shift
    echo "== $name"
    "$@" || { echo "error: $name failed" >&2; exit 1; }
}

shell_scripts() {
    find . \( -name venv -o -path './egs/*/data' -o -path './egs/*/dump' -o -path './egs/*/exp' -o -name .git \) \
        -prune -o -type f \( -name '*.sh' -o -path './.ci/run' \) -print0
}

run_group ruff "$bin/python" -m ruff check .
run_group format "$bin/python" -m ruff format --check egs espnet_ext tests benchmarks setup.py
# The contracts are in pyproject.toml.
run_group imports "$bin/lint-imports" --no-logo --no-cache
run_group typos "$bin/typos" .
# Warns of a later mkdocs otherwise. mkdocstrings reads the sources.
NO_MKDOCS_2_WARNING=1 run_group docs "$bin/python" -m mkdocs build --quiet --strict
# The settings and the checked files are in pyproject.toml.
run_group types "$bin/python" -m mypy
# -x follows sourced files; xargs returns the exit status.
shellcheck="$bin/shellcheck"
[ -x "$shellcheck" ] || shellcheck="$(command -v shellcheck)" ||
    { echo "error: shellcheck is missing: apt-get install shellcheck (its package has no wheel here)" >&2; exit 1; }
run_group shellcheck xargs -0 "$shellcheck" -x < <(shell_scripts)
# One process per core. Each uses one thread (tests/conftest.py) and runs the recipes of its tests.
run_group pytest "$bin/python" -m pytest tests --numprocesses logical --maxprocesses 4 --dist loadfile \
    --no-loadscope-reorder "$@"
echo "all checks passed"
