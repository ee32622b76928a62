#!/usr/bin/env bash
# Stage 1 of the tests' recipe: data/{train,dev,test_sent,test_spk}.
set -euo pipefail
cd "$(dirname "$0")/.."

# The parsers of egs/mini_prompts.
export PYTHONPATH="${PYTHONPATH}:${PYTHONPATH##*:}/../mini_prompts/local"
exec python local/prepare.py "$@"
