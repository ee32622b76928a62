# Options of a stage script, sourced by it: every variable between its `>>> options` and `<<< options` lines is one, and
# so is every variable of a recipe's local/options.sh, which are those of its stage 1.
# shellcheck shell=bash

fail() { echo "error: $*" >&2; exit 1; }

option_files=("$(readlink -f "$0")")
# Names of the options that stage 1 alone takes.
# shellcheck disable=SC2034 # for the script that sources this
data_options=()
if [ -e local/options.sh ]; then
    option_files+=(local/options.sh)
    # shellcheck disable=SC1091 # of the recipe
    . local/options.sh
    # shellcheck disable=SC2034
    mapfile -t data_options < <(sed -n '/^# >>> options$/,/^# <<< options$/s/^\([a-z0-9_]*\)=.*/\1/p' local/options.sh)
fi

option_blocks() { sed -n '/^# >>> options$/,/^# <<< options$/p' "${option_files[@]}"; }

show_help() {
    echo "Usage: ./run.sh [--option value]..."
    option_blocks | sed -E '/^# (>>>|<<<)/d; s/^# (.*)$/\n\1:/
        s/^([a-z0-9_]+)=([^ ]*) +# /  --\1 [\2]  /; s/^([a-z0-9_]+)=([^ ]*)$/  --\1 [\2]/'
}

option_names="$(option_blocks | sed -n 's/^\([a-z0-9_]*\)=.*/\1/p')"
while [ "$#" -gt 0 ]; do
    case "$1" in
        --help | -h) show_help; exit 0 ;;
        --*) ;;
        *) fail "$1: not an option; see ./run.sh --help" ;;
    esac
    name="${1#--}"
    name="${name//-/_}"
    grep -qx -- "${name}" <<<"${option_names}" ||
        fail "unknown option $1; options: --${option_names//$'\n'/ --}"
    [ "$#" -ge 2 ] || fail "option $1 needs a value"
    printf -v "${name}" '%s' "$2"
    shift 2
done
