# Options of a stage script, sourced by it: every variable between its `>>> options` and `<<< options` lines is one. Those of
# stage 1 are in a recipe's local/options.sh, in the same form, or printed by a function `list_data_options` that it defines.
# shellcheck shell=bash

fail() { echo "error: $*" >&2; exit 1; }

# Lines of options of a file, and the names in such lines.
option_lines() { sed -n '/^# >>> options$/,/^# <<< options$/{/^# [<>]/d;p}' "$1"; }
option_names() { sed -n 's/^\([a-z0-9_]*\)=.*/\1/p'; }
lines="$(option_lines "$(readlink -f "$0")")"
if [ -e local/options.sh ]; then
    # shellcheck disable=SC1091 # of the recipe
    . local/options.sh
    if declare -F list_data_options >/dev/null; then
        # Declared in Python: needs the environment, and this repository's package.
        repository="$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)"
        [ -x "${repository}/tools/venv/bin/python" ] || "${repository}/tools/install.sh" >&2
        data_lines="$(PYTHONPATH="${repository}" list_data_options)" || fail "stage 1 does not list its options"
        # shellcheck disable=SC1091
        . /dev/stdin <<<"${data_lines}"
    else
        data_lines="$(option_lines local/options.sh)"
    fi
fi
# Names of the options that stage 1 alone takes.
# shellcheck disable=SC2034 # for the script that sources this
mapfile -t data_options < <(option_names <<<"${data_lines:-}")

# With the values that this recipe's run.sh gives.
show_help() {
    local line name
    echo "Usage: ./run.sh [--option value]...; a value with spaces in quotes. [what it is without the option]"
    printf '%s\n' "${lines}" ${data_lines:+"${data_lines}"} | while IFS= read -r line; do
        name="${line%%=*}"
        case "${line}" in
            '# '*) printf '\n%s:\n' "${line#\# }" ;;
            *'# '*) printf '  --%s [%s]  %s\n' "${name}" "${!name}" "${line#*# }" ;;
            *) printf '  --%s [%s]\n' "${name}" "${!name}" ;;
        esac
    done
}

names="$(option_names <<<"${lines}"$'\n'"${data_lines:-}")"
declare -A defaults
for name in ${names}; do
    defaults["${name}"]="${!name}"
done
while [ "$#" -gt 0 ]; do
    case "$1" in
        --help | -h) show_help; exit 0 ;;
        --*) ;;
        *) fail "$1: not an option; see ./run.sh --help" ;;
    esac
    name="${1#--}"
    name="${name//-/_}"
    grep -Fqx -- "${name}" <<<"${names}" || fail "unknown option $1; options: --${names//$'\n'/ --}"
    # A switch stands alone, too.
    if [[ "${!name}" =~ ^(true|false)$ && "${2:---}" == --* ]]; then
        set -- "$1" true "${@:2}"
    fi
    [ "$#" -ge 2 ] || fail "option $1 needs a value"
    # Such as of a variable that is not set.
    [ -n "$2" ] || [ -z "${defaults[${name}]}" ] || fail "$1 is empty; leave it out for its default, '${defaults[${name}]}'"
    printf -v "${name}" '%s' "$2"
    shift 2
done
