# Stage 1: data directories from corpora. Sourced by utt.sh.
# shellcheck shell=bash disable=SC2154

prepare_data() {
    local name set arguments=() folders=() outputs=()
    for name in "${data_options[@]}"; do
        [ -z "${!name}" ] || arguments+=("--${name}" "${!name}")
        [ ! -d "${!name}" ] || folders+=("${!name}")  # a corpus
    done
    list_sets
    for set in "${all_list[@]}"; do
        outputs+=("data/${set}/wav.scp")
    done
    step --label "data/" --state "$(state data prepare)" --ignore nj --folders "${folders[@]}" --outputs "${outputs[@]}" \
        -- local/data.sh --data data --nj "${nj}" "${arguments[@]}"
}
