#!/usr/bin/env bash
# Make tools/venv with the versions of tools/constraints.txt. Safe to interrupt and to repeat.
#   tools/install.sh          what the recipes need
#   tools/install.sh --test   also what tests/run.sh needs
# $PYTHON names the Python to use; otherwise one is searched. uv installs if it is on PATH and pip has no settings of its
# own. Without an NVIDIA driver, the CPU build of torch is installed where pip's index has one.
set -euo pipefail

# The folder of this file itself: through a link to tools/, the environment of another clone would be replaced.
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
# shellcheck source=tools/require_bash.sh
. "$root/tools/require_bash.sh"
venv=$root/tools/venv
log=$root/tools/install.log
SECONDS=0

fail() { echo "error: $*" >&2; exit 1; }
step() { printf '[install %3d s] %s\n' "$SECONDS" "$*"; }

recipes=mini,paper,cluster
case "${1-}" in
    "") extras=$recipes ;;
    --test) extras=$recipes,test ;;
    *) fail "unknown option $1; usage: tools/install.sh [--test]" ;;
esac

# Settings of the caller's shell that would lead pip or Python elsewhere; its index settings stay. The last check compiles
# what it imports.
unset PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE
unset PIP_CONSTRAINT PIP_REQUIREMENT PIP_TARGET PIP_PREFIX PIP_USER PIP_REQUIRE_VIRTUALENV
export PIP_DISABLE_PIP_VERSION_CHECK=1

# What an installation is made from; the path too, because an editable install holds it.
fingerprint() {
    { cat "$root/tools/constraints.txt" "$root/setup.py" "$root/tools/install.sh"; echo "$root"; } | cksum
}

# Is the installation of this fingerprint complete? Written last, so its file says so.
installed() {
    local extra
    for extra in "$@"; do
        [ "$(cat "$venv/.installed-$extra" 2>/dev/null)" = "$(fingerprint)" ] || return 1
    done
    "$venv/bin/python" -c "" 2>/dev/null
}

candidates() {
    local name
    [ -z "${PYTHON-}" ] || echo "$PYTHON"
    for name in python3.12 python3.13 python3 python; do
        type -aP "$name" || true
    done
    for name in "${PYENV_ROOT:-${HOME-}/.pyenv}"/versions/*/bin/python "${HOME-}"/.pyenv/versions/*/bin/python; do
        [ ! -x "$name" ] || echo "$name"
    done
    if command -v uv >/dev/null; then
        uv python find 3.12 2>/dev/null || true
        uv python find 3.13 2>/dev/null || true
    fi
}

# Print the first fitting Python: $PYTHON if it fits, else 3.12 before 3.13 (some wheels are 3.12's alone).
# A name on the PATH proves nothing (a pyenv shim fails for versions not selected), so each is run.
find_python() {
    local probe candidate found fallback="" refused=""
    probe='import sys, ensurepip, venv
v = sys.version_info
sys.exit(f"is Python {v[0]}.{v[1]}.{v[2]}") if not (3, 12) <= v < (3, 14) else None
print(v[1], getattr(sys, "_base_executable", sys.executable))'
    while IFS= read -r candidate; do
        if found=$("$candidate" -c "$probe" 2>&1); then
            if [ "$candidate" = "${PYTHON-}" ] || [ "${found%% *}" = 12 ]; then
                echo "${found#* }"
                return
            fi
            [ -n "$fallback" ] || fallback=${found#* }
        else
            refused+="  $candidate: ${found##*$'\n'}"$'\n'
        fi
    done < <(candidates | awk '!seen[$0]++')
    [ -z "$fallback" ] || { echo "$fallback"; return; }
    printf 'no Python 3.12 or 3.13 with venv and ensurepip (ESPnet 202611 needs one). Tried:\n%s' "$refused" >&2
    fail "install one (apt-get install python3.12-venv | pyenv install 3.12 | uv python install 3.12)" \
        "and run again, or name one: PYTHON=/path/to/python3.12 $root/tools/install.sh"
}

# Set `tool` and `installer`: uv is several times faster, but knows neither pip's configuration files nor its variables.
choose_installer() {
    local settings
    tool=pip
    installer=("$venv/bin/python" -m pip install --no-compile)
    settings=$("$venv/bin/python" -m pip config list 2>/dev/null | grep -v disable-pip-version-check || true)
    if [ -z "$settings" ] && command -v uv >/dev/null; then
        tool=uv
        installer=(uv pip install --python "$venv/bin/python")
    fi
}

install_packages() {
    "${installer[@]}" --constraint "$root/tools/constraints.txt" "$@" >>"$log" 2>&1 || {
        tail -n 15 "$log" >&2
        fail "$tool failed (log: $log); check the network and the disk, then run again"
    }
}

has_nvidia_driver() { [ -e /proc/driver/nvidia/version ] || command -v nvidia-smi >/dev/null; }

# The default build of torch for Linux brings gigabytes of CUDA libraries.
install_cpu_torch() {
    local builds
    mapfile -t builds < <(sed -n 's/^\(torch\|torchaudio\)==\([^ ;]*\).*/\1==\2+cpu/p' "$root/tools/constraints.txt")
    if "${installer[@]}" --dry-run --no-deps "${builds[@]}" >>"$log" 2>&1; then
        step "no NVIDIA driver: installing ${builds[*]}"
        install_packages "${builds[@]}"
    fi
}

make_venv() {
    local python
    # An interrupted installation may hold half a package, which pip would take for a whole one.
    if [ -e "$venv/.installing" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        python=$(find_python)
        step "making tools/venv with $("$python" --version) ($python)"
        # A rename first: a removal cut short must not leave half an environment under the name.
        rm -rf "$root"/tools/.venv-old
        [ ! -e "$venv" ] || mv "$venv" "$root/tools/.venv-old"
        rm -rf "$root"/tools/.venv-old
        mkdir "$venv"
        touch "$venv/.installing"
        "$python" -m venv "$venv" >>"$log" 2>&1 || { tail -n 5 "$log" >&2; fail "$python cannot make $venv"; }
    fi
    rm -f "$venv"/.installed-*
    touch "$venv/.installing"
}

# shellcheck disable=SC2086  # the list of extras is words
if installed ${extras//,/ }; then
    exit 0
fi
# Two recipes started at once: the second waits, and then finds the work done.
exec 9>"$root/tools/.install.lock"
if command -v flock >/dev/null && ! flock -n 9; then
    step "another installation is under way, waiting for it"
    flock 9
fi
# shellcheck disable=SC2086
if installed ${extras//,/ }; then
    exit 0
fi
# An environment that has the test tools keeps them current.
[ ! -e "$venv/.installed-test" ] || extras=$recipes,test
: >"$log"
make_venv
choose_installer
step "installing ESPnet, PyTorch and the rest with $tool (1 to 4 minutes, mostly download; log: $log)"
install_packages setuptools
has_nvidia_driver || [ "$(uname -s)" != Linux ] || install_cpu_torch
# Not in an isolated environment, which would fetch another setuptools.
install_packages --no-build-isolation --editable "${root}[$extras]"
install_packages --no-deps Resemblyzer
for extra in ${extras//,/ }; do
    fingerprint >"$venv/.installed-$extra"
done
rm -f "$venv/.installing"
step "checking"
"$venv/bin/python" "$root/tools/check_install.py"
step "done"
