# The environment of all recipes. utt.sh sources this file. Missing packages are installed.
# shellcheck shell=bash

root="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)"
"${root}/tools/install.sh"

# Packages outside tools/venv must not replace the installed ones.
unset PYTHONHOME
# Containers often set this variable. Each program would compile all modules of torch again.
unset PYTHONDONTWRITEBYTECODE
export PATH="${root}/tools/venv/bin:${PATH}"
export PYTHONPATH="${root}:${root}/egs/TEMPLATE"  # espnet_ext, and packages of the recipes
# Sort by bytes, as in Kaldi's data directories, and read UTF-8 independently of the user's locale.
export LC_ALL=C.UTF-8
export PYTHONUTF8=1
# Waiting threads sleep. On a shared machine, spinning threads made a run three times slower.
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-PASSIVE}"
