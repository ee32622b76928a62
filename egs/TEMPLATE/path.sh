# The environment of every recipe: sourced by utt.sh. Installs what is absent.
# shellcheck shell=bash

root="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)"
"${root}/tools/install.sh"

# Packages outside tools/venv must not stand in for its own.
unset PYTHONHOME
# Else every program compiles torch again (containers often set it).
unset PYTHONDONTWRITEBYTECODE
export PATH="${root}/tools/venv/bin:${PATH}"
export PYTHONPATH="${root}:${root}/egs/TEMPLATE"  # espnet_ext, and packages of the recipes
# Sorting by bytes, as Kaldi's data directories are; UTF-8 whatever the user's locale.
export LC_ALL=C.UTF-8
export PYTHONUTF8=1
# Threads that wait by sleeping: where others use the machine too, spinning ones cost three times the time.
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-PASSIVE}"
