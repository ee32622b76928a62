# Functions that the stages share. utt.sh sources this file.
# Global variables: the options of utt.sh, `summary` and `skip_list`, and those that list_sets and find_encoder set.
# shellcheck shell=bash disable=SC2034,SC2154

# log TEXT...: print a line with the date and the position in utt.sh.
log() { echo "$(date '+%Y-%m-%dT%H:%M:%S') (${BASH_SOURCE[-1]##*/}:${BASH_LINENO[-2]}) $*"; }

# run_stage NUMBER TITLE FUNCTION: run a stage if the options select it, and add its time to `summary`.
run_stage() {
    local started="${SECONDS}"
    { [ "${stage}" -le "$1" ] && [ "${stop_stage}" -ge "$1" ]; } || return 0
    ! one_of "$1" "${skip_list[@]}" || return 0
    log "Stage $1: $2"
    "$3"
    summary+=("$(printf '%5d s  stage %s' "$((SECONDS - started))" "$1: $2")")
}
# need PATH STAGE: stop if a file is missing that STAGE writes.
need() { [ -e "$1" ] || fail "$1 is missing: run stage $2 first (./run.sh --stage $2 --stop-stage $2)"; }

step() { python -m espnet_ext.bin.step "$@"; }
# state FOLDER NAME: print the path of a step's state file.
state() { echo "$1/.steps/$2.json"; }
# add_existing LIST FILE...: append those files that exist to an array. A step runs again if an input file changed.
add_existing() {
    local -n _list="$1"
    local _file
    for _file in "${@:2}"; do
        [ ! -f "${_file}" ] || _list+=("${_file}")
    done
}

# words LIST "WORD WORD": split the value of an option into an array, without expanding patterns.
words() { read -rd '' -a "$1" <<<"$2" || true; }
# one_of WORD WORD...: whether the first word is among the others.
one_of() { [[ " ${*:2} " == *" $1 "* ]]; }
# joined WORD...: print the words joined by +.
joined() { local IFS=+; echo "$*"; }

# prepared LIST "SET SET": store those sets that stage 1 makes, each once. It lists the others, which need corpora that were
# not given, in not_prepared.tsv.
prepared() {
    local -n _prepared="$1"
    local _set _sets
    words _sets "$2"
    _prepared=()
    for _set in "${_sets[@]}"; do
        one_of "${_set}" "${_prepared[@]}" || grep -qs "^${_set}"$'\t' data/not_prepared.tsv || _prepared+=("${_set}")
    done
}
# Set an array of sets for each option, `eval_list` of all evaluation sets, `all_list` of all sets, and the dump directories
# `train_dump` and `valid_dump`.
list_sets() {
    local evaluated="${retrieval_sets} ${verification_sets} ${classification_sets} ${calibration_set} ${cohort_set}"
    prepared train_list "${train_set}"
    prepared valid_list "${valid_set}"
    prepared retrieval_list "${retrieval_sets}"
    prepared verification_list "${verification_sets}"
    prepared classification_list "${classification_sets}"
    prepared calibration_list "${calibration_set}"
    prepared cohort_list "${cohort_set}"
    prepared eval_list "${evaluated}"
    prepared all_list "${train_set} ${valid_set} ${evaluated}"
    train_dump="${dumpdir}/$(joined "${train_list[@]}")"
    valid_dump="${dumpdir}/$(joined "${valid_list[@]}")"
}

# system_dir SYSTEM: print the folder of a system.
system_dir() { echo "${expdir}/utt_$1${tag:+_${tag}}"; }
# Set `encoder_dir`, the folder of the pretrained encoder, which is downloaded if necessary, and `encoder_files`.
find_encoder() {
    [ -z "${encoder_dir:-}" ] || return 0
    encoder_dir="$(python -m packages.fetch_encoder --encoder "${encoder}" | tail -n 1)"
    encoder_files=("${encoder_dir}/config.json" "${encoder_dir}"/model*.safetensors)
}
