# The environment of every recipe: sourced by utt.sh. Installs what is absent.
# shellcheck shell=bash

root="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)"
"${root}/tools/install.sh"

export PATH="${root}/tools/venv/bin:${PATH}"
export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}"
# Sorting by bytes, as Kaldi's data directories are; UTF-8 whatever the user's locale.
export LC_ALL=C.UTF-8
export PYTHONUTF8=1
# An allocation that grows in a loop of varying batch sizes is returned to the system, not kept.
export MALLOC_TRIM_THRESHOLD_=134217728
