#!/usr/bin/env bash
# Install the versions of tools/constraints.txt into tools/venv. Safe to interrupt and to repeat.
#   tools/install.sh          packages of the recipes
#   tools/install.sh --test   also packages of tests/run.sh
# $PYTHON names the Python to use; by default, one is searched for. uv is used if it is on PATH and pip has no settings.
# Without an NVIDIA driver, the CPU build of torch is installed where pip's index has one.
set -euo pipefail

# Resolve links: through a link to tools/, the environment of another clone would be replaced.
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

# Remove settings of the caller's shell that redirect pip or Python; index settings are kept. The last check compiles the
# modules that it imports.
unset PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE
unset PIP_CONSTRAINT PIP_REQUIREMENT PIP_TARGET PIP_PREFIX PIP_USER PIP_REQUIRE_VIRTUALENV
export PIP_DISABLE_PIP_VERSION_CHECK=1

# Inputs of an installation, including the path, which an editable install contains.
fingerprint() {
    { cat "$root/tools/constraints.txt" "$root/setup.py" "$root/tools/install.sh"; echo "$root"; } | cksum
}

# Check whether the installation of this fingerprint is complete: its file is written last.
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

# Print the first suitable Python: $PYTHON if it is suitable, else 3.12 before 3.13 (some wheels exist only for 3.12).
# Each candidate is run, because a name on the PATH may not work (a pyenv shim fails for versions that are not selected).
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

# Set `tool` and `installer`: uv is several times faster, but ignores pip's configuration files and variables.
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
    # An interrupted installation may contain a partial package, which pip would accept as complete.
    if [ -e "$venv/.installing" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        python=$(find_python)
        step "making tools/venv with $("$python" --version) ($python)"
        # Rename first: an interrupted removal must not leave a partial environment under this name.
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
# If two recipes start at once, the second waits and then finds a complete installation.
exec 9>"$root/tools/.install.lock"
if command -v flock >/dev/null && ! flock -n 9; then
    step "another installation is under way, waiting for it"
    flock 9
fi
# shellcheck disable=SC2086
if installed ${extras//,/ }; then
    exit 0
fi
# Test tools that are installed are updated, too.
[ ! -e "$venv/.installed-test" ] || extras=$recipes,test
: >"$log"
make_venv
choose_installer
step "installing ESPnet, PyTorch and the rest with $tool (1 to 4 minutes, mostly download; log: $log)"
install_packages setuptools
has_nvidia_driver || [ "$(uname -s)" != Linux ] || install_cpu_torch
# An isolated environment would download another setuptools.
install_packages --no-build-isolation --editable "${root}[$extras]"
install_packages --no-deps Resemblyzer
for extra in ${extras//,/ }; do
    fingerprint >"$venv/.installed-$extra"
done
rm -f "$venv/.installing"
step "checking"
"$venv/bin/python" "$root/tools/check_install.py"
step "done"
