# What the stages are made of: sourced by utt.sh, reads its options.
# shellcheck shell=bash disable=SC2034,SC2154  # variables of one file are used in another

run_stage() {
    local started="${SECONDS}"
    { [ "${stage}" -le "$1" ] && [ "${stop_stage}" -ge "$1" ]; } || return 0
    echo "Stage $1: $2"
    "$3"
    summary+=("$(printf '%5d s  stage %s' "$((SECONDS - started))" "$1: $2")")
}
need() { [ -e "$1" ] || fail "$1 is missing: run stage $2 first (./run.sh --stage $2 --stop-stage $2)"; }

step() { python -m espnet_ext.bin.step "$@"; }
# State file of a step in a folder: state FOLDER NAME.
state() { echo "$1/.steps/$2.json"; }
# Add the files that exist to `inputs`: a step runs again if their content changed.
add_inputs() {
    local file
    for file in "$@"; do
        [ ! -f "${file}" ] || inputs+=("${file}")
    done
}

# words LIST "WORD WORD": an option of several words as an array; patterns in it are not expanded.
words() { read -rd '' -a "$1" <<<"$2" || true; }
# one_of WORD WORDS...: whether it is one of them.
one_of() { [[ " ${*:2} " == *" $1 "* ]]; }
# Replace `auto` in --ngpu by the number of GPUs, and check that there are as many. Jobs of a cluster use other machines.
check_gpus() {
    local count
    [ "${ngpu}" != 0 ] || return 0
    count="$(python -c 'import torch; print(torch.cuda.device_count())')"
    [ "${ngpu}" != auto ] || ngpu="${count}"
    [ "${executor}" = local ] && [ "${num_nodes}" -eq 1 ] || return 0
    [ "${ngpu}" -le "${count}" ] ||
        fail "--ngpu ${ngpu}: torch finds ${count} GPUs on this machine; lower it (0 = CPU) or check CUDA_VISIBLE_DEVICES"
}
# prepared LIST "SET SET": those that stage 1 could make, each once; it lists the others, whose corpora were not given.
prepared() {
    local -n list="$1"
    local set sets
    words sets "$2"
    list=()
    for set in "${sets[@]}"; do
        one_of "${set}" "${list[@]}" || grep -qs "^${set}"$'\t' data/not_prepared.tsv || list+=("${set}")
    done
}
# The sets of every option, of all for evaluation, and of all there are; the dump directories of training.
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
joined() { local IFS=+; echo "$*"; }

system_dir() { echo "${expdir}/utt_$1${tag:+_${tag}}"; }
# The folder of the pretrained encoder, fetched where it is not there, and its files.
find_encoder() {
    [ -z "${encoder_dir:-}" ] || return 0
    encoder_dir="$(python -m packages.fetch_encoder --encoder "${encoder}" | tail -n 1)"
    encoder_files=("${encoder_dir}/config.json" "${encoder_dir}"/model*.safetensors)
}
