# Functions that parse the options of utt.sh, which sources this file.
# Each variable between `# >>> options` and `# <<< options` of utt.sh and local/options.sh is an option. Those of
# local/options.sh are passed to stage 1. Instead, local/options.sh may define a function `list_data_options` that prints such
# lines.
# Global variables: `aliases` (other name -> option, set by utt.sh), `db_roots` (see read_db, set by local/options.sh).
# Local names begin with _ where an option could have the same name.
# shellcheck shell=bash disable=SC2154

fail() { echo "error: $*" >&2; exit 1; }

# option_lines FILE: print the lines that declare options.
option_lines() { sed -n '/^# >>> options$/,/^# <<< options$/{/^# [<>]/d;p}' "$1"; }
# option_names LINES: print the names of the options.
option_names() { sed -n 's/^\([a-z0-9_]*\)=.*/\1/p' <<<"$1"; }
# data_option_lines ROOT: print the lines that declare the options of stage 1. Options that are declared in Python need the
# environment in ROOT, the folder of this repository.
data_option_lines() {
    if ! declare -F list_data_options >/dev/null; then
        option_lines local/options.sh
        return
    fi
    [ -x "$1/tools/venv/bin/python" ] || "$1/tools/install.sh" >&2
    PYTHONPATH="$1" list_data_options
}

# show_help LINES: print the options that the lines declare, with their current values, and the aliases.
show_help() {
    local _line _name
    echo "Usage: ./run.sh [--option value]..."
    echo "The default of an option is in brackets. Quote values with spaces. --stop-stage and --stop_stage are the same."
    while IFS= read -r _line; do
        _name="${_line%%=*}"
        case "${_line}" in
            '# '*) printf '\n%s:\n' "${_line#\# }" ;;
            *'# '*) printf '  --%s [%s]  %s\n' "${_name}" "${!_name}" "${_line#*# }" ;;
            *) printf '  --%s [%s]\n' "${_name}" "${!_name}" ;;
        esac
    done <<<"$1"
    printf '\nAliases (names of ESPnet):\n'
    for _name in "${!aliases[@]}"; do
        printf '  --%s  same as --%s\n' "${_name}" "${aliases[${_name}]}"
    done | sort
}

# read_db FILE: set options to the corpus folders of an ESPnet db.sh, for example FLEURS=/corpora/fleurs.
# `db_roots` maps options to its variables: "OPTION=VARIABLE", or "OPTION=VARIABLE/FOLDER" for a folder below the corpus.
# A variable that is unset, empty or `downloads` is ignored, and so is a FOLDER that the corpus does not have.
read_db() {
    local _entry _variable _folder _value
    for _entry in "${db_roots[@]}"; do
        _variable="${_entry#*=}"
        unset "${_variable%%/*}"  # not from the environment
    done
    # shellcheck disable=SC1090 # written by the user
    . "$1"
    for _entry in "${db_roots[@]}"; do
        IFS=/ read -r _variable _folder <<<"${_entry#*=}"
        _value="${!_variable:-downloads}"
        [ "${_value}" != downloads ] || continue
        [ -z "${_folder}" ] || [ ! -d "${_value}" ] || [ -d "${_value}/${_folder}" ] || continue
        printf -v "${_entry%%=*}" '%s' "${_value}${_folder:+/${_folder}}"
    done
}

# parse_options LINES WORD...: set the options that the words name. The lines declare all options.
parse_options() {
    local _name _names _lines="$1"
    local -A _defaults
    shift
    _names="$(option_names "${_lines}")"
    for _name in ${_names}; do
        _defaults["${_name}"]="${!_name}"
    done
    [ ! -e db.sh ] || read_db ./db.sh
    while [ "$#" -gt 0 ]; do
        case "$1" in
            --help | -h) show_help "${_lines}"; exit 0 ;;
            --*) ;;
            *) fail "$1: not an option; see ./run.sh --help" ;;
        esac
        _name="${1#--}"
        _name="${_name//-/_}"
        _name="${aliases[${_name}]:-${_name}}"
        grep -Fqx -- "${_name}" <<<"${_names}" || fail "unknown option $1; options: --${_names//$'\n'/ --}"
        # The value of a switch may be omitted.
        if [[ "${_defaults[${_name}]}" =~ ^(true|false)$ && "${2:---}" == --* ]]; then
            set -- "$1" true "${@:2}"
        fi
        [ "$#" -ge 2 ] || fail "option $1 needs a value"
        # Usually the value of a shell variable that is not set.
        [ -n "$2" ] || [ -z "${_defaults[${_name}]}" ] ||
            fail "$1 is empty; omit it to use its default, '${_defaults[${_name}]}'"
        printf -v "${_name}" '%s' "$2"
        shift 2
    done
}
