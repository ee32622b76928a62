#!/usr/bin/env bash
# Stage 1 of fleurs_voxceleb: the sets of the corpora that are given. Options: local/data.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

exec ../../tools/venv/bin/python local/prepare.py "$@"
