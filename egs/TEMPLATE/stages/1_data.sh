# Stage 1: data directories from corpora. utt.sh sources this file.
# Global variables: the options of utt.sh, `data_options` (names of the options of local/options.sh), the arrays of list_sets.
# Local names begin with _, because options of a recipe may have any other name.
# shellcheck shell=bash disable=SC2034,SC2154

prepare_data() {
    local _name _set _arguments=() _folders=() _outputs=() _files=("local/**/*")
    for _name in "${data_options[@]}"; do
        [ -z "${!_name}" ] || _arguments+=("--${_name}" "${!_name}")
        [ ! -d "${!_name}" ] || _folders+=("${!_name}")  # of a corpus
    done
    list_sets
    for _set in "${all_list[@]}"; do
        _outputs+=("data/${_set}/wav.scp")
        _files+=("${_set}/**/*")
    done
    step --label "data/" --state "$(state data prepare)" --ignore nj --folders "${_folders[@]}" \
        --outputs "${_outputs[@]}" --files data "${_files[@]}" \
        -- local/data.sh --data data --nj "${nj}" "${_arguments[@]}"
    list_sets  # again, without the sets whose corpora were not given
    for _set in "${all_list[@]}"; do
        [ -e "data/${_set}/wav.scp" ] ||
            fail "stage 1 makes no set '${_set}'; correct the option that names it (data/ contains $(cd data && echo */))"
    done
}
