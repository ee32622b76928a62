# Stage 1: data directories from corpora. utt.sh sources this file.
# Global variables: the options of utt.sh, `data_options` (names of the options of local/options.sh), the arrays of list_sets.
# shellcheck shell=bash disable=SC2034,SC2154

prepare_data() {
    local name set arguments=() folders=() outputs=() files=("local/**/*")
    for name in "${data_options[@]}"; do
        [ -z "${!name}" ] || arguments+=("--${name}" "${!name}")
        [ ! -d "${!name}" ] || folders+=("${!name}")  # of a corpus
    done
    list_sets
    for set in "${all_list[@]}"; do
        outputs+=("data/${set}/wav.scp")
        files+=("${set}/**/*")
    done
    step --label "data/" --state "$(state data prepare)" --ignore nj --folders "${folders[@]}" \
        --outputs "${outputs[@]}" --files data "${files[@]}" \
        -- local/data.sh --data data --nj "${nj}" "${arguments[@]}"
    list_sets  # again, without the sets whose corpora were not given
    for set in "${all_list[@]}"; do
        [ -e "data/${set}/wav.scp" ] ||
            fail "stage 1 makes no set '${set}'; correct the option that names it (data/ contains $(cd data && echo */))"
    done
}
