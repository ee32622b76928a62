#!/usr/bin/env bash
# Stage 1 of emotion: data/{train,dev,test} of one fold. Options: local/data.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

exec ../../tools/venv/bin/python local/prepare.py "$@"
