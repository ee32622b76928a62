#!/usr/bin/env bash
# Stage 1 of mini_prompts: data/{train,dev,test_sent,test_spk}. Options: local/data.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=egs/TEMPLATE/path.sh
. ./path.sh

exec python local/prepare.py "$@"
