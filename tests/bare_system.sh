#!/usr/bin/env bash
# Run the README's commands on bare Debian systems in a temporary folder. Requires root, debootstrap and the Debian mirror of
# this machine's apt, and takes more than an hour, so that continuous integration does not run it.
#   tests/bare_system.sh                                  all parts
#   tests/bare_system.sh debian13 situations debian12     selected parts
# debian13: both commands. situations: unusual users, folders, disks and networks, on Debian 13.
# debian12: the error without a supported Python; the recipe with $PYTHON (default: Python 3.12 of pyenv), mounted read-only.
set -euo pipefail

fail() { echo "error: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "creating a system requires root; run this script as root"
command -v debootstrap >/dev/null || fail "debootstrap is missing: apt-get install debootstrap"
# In a private mount namespace, all mounts end with the process, even if it is killed.
[ -n "${BARE_SYSTEM_NAMESPACE:-}" ] || BARE_SYSTEM_NAMESPACE=1 exec unshare --mount --propagation private "$0" "$@"

repository="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
mirror="$(apt-get indextargets --format "\$(REPO_URI)" "Created-By: Packages" | head -n 1)"
work="$(mktemp -d)"
# Files are removed only after all mounts are gone, because one of them is a Python of this machine.
clean_up() {
    local mounted
    while read -r mounted; do
        umount --lazy "${mounted}"
    done < <(awk -v work="${work}/" 'index($2, work) == 1 { print $2 }' /proc/self/mounts | sort -r)
    grep -qF " ${work}/" /proc/self/mounts || rm -rf --one-file-system "${work}"
}
trap clean_up EXIT
folder="it's a \"größere\" folder"
packages=python3,python3-venv,git,ca-certificates
# Libraries that the mounted Python requires.
python_libraries=libssl3,libffi8,libsqlite3-0,libbz2-1.0,liblzma5,libreadline8
failures=0
times=()

# make_system SUITE: create a system with a user `speech`, whose home contains only a clone of this repository.
make_system() {
    local system="${work}/$1" file include="${packages}"
    [ ! -d "${system}" ] || return 0
    echo "== creating Debian $1"
    [ "$1" != bookworm ] || include+=",${python_libraries}"
    debootstrap --variant=minbase --include="${include}" "$1" "${system}" "${mirror}" >"${work}/$1.log" 2>&1 ||
        fail "debootstrap $1: $(tail -n 1 "${work}/$1.log")"
    mount -t proc proc "${system}/proc"
    mount --rbind /dev "${system}/dev"
    # Package indexes and certificates of this machine.
    for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/xdg/pip /etc/ssl/certs /etc/apt/apt.conf.d; do
        [ -e "${file}" ] || continue
        mkdir -p "${system}${file%/*}"
        cp -rT --dereference --remove-destination "${file}" "${system}${file}"
    done
    chroot "${system}" useradd --create-home --shell /bin/bash speech
    rm -rf "${system}/home/speech"
    make_clone "$1" speech "/home/speech/${folder}"
}

# make_clone SUITE OWNER FOLDER: clone this repository.
make_clone() {
    mkdir -p "${work}/$1$(dirname "$3")"
    git clone --quiet --no-hardlinks "${repository}" "${work}/$1$3"
    chroot "${work}/$1" chown -R "$2" "$(dirname "$3")"
}

# inside SUITE USER FOLDER [NAME=VALUE...] COMMAND...: run a command with a new environment.
inside() {
    local kept
    mapfile -t kept < <(env | grep -E '^(PIP_|[A-Z_]*CA_(BUNDLE|CERTS)=|SSL_CERT|(https?|no)_proxy=)' || true)
    # shellcheck disable=SC2016  # expanded inside
    chroot --userspec="$2" "${work}/$1" env -i PATH=/usr/bin:/bin HOME=/home/speech "${kept[@]}" \
        bash -c 'cd "$1" && shift && exec env "$@"' inside "${@:3}"
}

# expect NAME STATUS PATTERN COMMAND...: run a command, and check its exit status, a line of its output, and that an error is one
# line.
expect() {
    local name="$1" status="$2" pattern="$3" log="${work}/output" found=0 started="${SECONDS}" verdict=ok
    "${@:4}" >"${log}" 2>&1 </dev/null || found=$?
    [ "${found}" = "${status}" ] || verdict="exit status ${found}, expected ${status}"
    grep -Eq -- "${pattern}" "${log}" || verdict="no line with: ${pattern}"
    ! grep -q '^Traceback' "${log}" || verdict=traceback
    [ "${status}" = 0 ] || [ "$(grep -c '^error: ' "${log}")" = 1 ] || verdict="not one line 'error: '"
    if [ "${verdict}" != ok ]; then
        failures=$((failures + 1))
        sed 's/^/    /' <(tail -n 40 "${log}")
    fi
    times+=("$(printf '| %s | %d s | %s |' "${name}" "$((SECONDS - started))" "${verdict}")")
    echo "${times[-1]}"
    grep -E '^ *[0-9]+ s  |passed|failed' "${log}" | sed 's/^/    /' || true
}

debian13() {
    make_system trixie
    local run=(inside trixie speech "/home/speech/${folder}")
    expect "Debian 13: egs/mini_prompts/run.sh" 0 "in all" "${run[@]}" egs/mini_prompts/run.sh
    expect "Debian 13: tests/run.sh" 0 "all checks passed" "${run[@]}" tests/run.sh
}

debian12() {
    make_system bookworm
    local run=(inside bookworm speech "/home/speech/${folder}") python prefix
    expect "Debian 12 (Python 3.11): tools/install.sh" 1 "PYTHON=/path/to/python3.12" "${run[@]}" tools/install.sh
    python="${PYTHON:-$(printf '%s\n' "${PYENV_ROOT:-${HOME}/.pyenv}"/versions/3.12*/bin/python3.12 | tail -n 1)}"
    prefix="$("${python}" -c 'import sys; print(sys.base_prefix)')" ||
        fail "no Python 3.12; name one: PYTHON=/path/to/python3.12"
    mkdir -p "${work}/bookworm${prefix}"
    mount --bind -o ro "${prefix}" "${work}/bookworm${prefix}"
    # Give the user of this system access to a Python in root's home.
    chmod a+x "${work}/bookworm/root"
    expect "Debian 12 with PYTHON=: egs/mini_prompts/run.sh" 0 "in all" \
        "${run[@]}" PYTHON="${prefix}/bin/python3.12" egs/mini_prompts/run.sh
}

situations() {
    make_system trixie
    local here="/home/speech/${folder}" data
    data=(rm -rf egs/mini_prompts/data "&&" exec egs/mini_prompts/run.sh --stop_stage 1)
    expect "stage 1 with LC_ALL=C" 0 "data/: done" inside trixie speech "${here}" LC_ALL=C bash -c "${data[*]}"
    expect "stage 1 without HOME" 0 "data/: done" inside trixie speech "${here}" -u HOME bash -c "${data[*]}"
    expect "a proxy that refuses" 1 "^error: .*fetch" inside trixie speech "${here}" \
        http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 \
        bash -c "${data[*]} --cache_dir /tmp/empty_cache"
    make_clone trixie 12345:12345 /srv/nobody/clone
    ln -s "${here}/tools/venv" "${work}/trixie/srv/nobody/clone/tools/venv"
    expect "a user without a passwd entry, HOME unset" 1 "^error: .*cache_dir" inside trixie 12345:12345 \
        /srv/nobody/clone -u HOME PYTHONPATH="${here}/egs/TEMPLATE" "${here}/tools/venv/bin/python" \
        -m packages.fetch_encoder --encoder whisper-base
    expect "the same with a cache folder" 0 "whisper-base" inside trixie 12345:12345 /srv/nobody/clone -u HOME \
        PYTHONPATH="${here}/egs/TEMPLATE" ESPNET_EXT_CACHE=/srv/nobody/cache "${here}/tools/venv/bin/python" \
        -m packages.fetch_encoder --encoder whisper-base
    mkdir "${work}/trixie/full"
    mount -t tmpfs -o size=64m tmpfs "${work}/trixie/full"
    make_clone trixie speech /full/disk/clone
    expect "a full disk" 1 "^error: .*disk" inside trixie speech /full/disk/clone tools/install.sh
}

parts=("$@")
[ "$#" -gt 0 ] || parts=(debian13 situations debian12)
for part in "${parts[@]}"; do
    [[ "${part}" =~ ^(debian13|debian12|situations)$ ]] || fail "unknown part ${part}: debian13, debian12 or situations"
done
for part in "${parts[@]}"; do
    "${part}"
done
printf '\n| situation | time | result |\n|---|---|---|\n'
printf '%s\n' "${times[@]}"
[ "${failures}" = 0 ] || fail "${failures} of ${#times[@]} failed"
