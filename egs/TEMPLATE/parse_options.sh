# Options of a stage script, sourced by it: every variable between its `>>> options` and `<<< options` lines is one, and
# so is every variable of a recipe's local/options.sh, which are those of its stage 1.
# shellcheck shell=bash

fail() { echo "error: $*" >&2; exit 1; }

option_files=("$(readlink -f "$0")")
if [ -e local/options.sh ]; then
    option_files+=(local/options.sh)
    # shellcheck disable=SC1091 # of the recipe
    . local/options.sh
fi
# The lines of options of some files, and the names in such lines.
option_lines() { sed -n '/^# >>> options$/,/^# <<< options$/{/^# [<>]/d;p}' "$@"; }
option_names() { option_lines "$@" | sed -n 's/^\([a-z0-9_]*\)=.*/\1/p'; }
# Names of the options that stage 1 alone takes.
# shellcheck disable=SC2034 # for the script that sources this
mapfile -t data_options < <(option_names "${option_files[@]:1}" </dev/null)

# With the values that this recipe's run.sh gives.
show_help() {
    local line name
    echo "Usage: ./run.sh [--option value]...; a value with spaces in quotes. [what it is without the option]"
    option_lines "${option_files[@]}" | while IFS= read -r line; do
        name="${line%%=*}"
        case "${line}" in
            '# '*) printf '\n%s:\n' "${line#\# }" ;;
            *'# '*) printf '  --%s [%s]  %s\n' "${name}" "${!name}" "${line#*# }" ;;
            *) printf '  --%s [%s]\n' "${name}" "${!name}" ;;
        esac
    done
}

names="$(option_names "${option_files[@]}")"
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
