# Stage 5: scores, tables and plots. utt.sh sources this file.
# Global variables: the options of utt.sh, the arrays of list_sets and of utt.sh, `last_dir`.
# shellcheck shell=bash disable=SC2034,SC2154

score_systems() {
    local set system phase name names embeddings set_options inputs=("${attributes}") results="${last_dir}/results"
    local options=(--system "untrained=${expdir}/untrained/embeddings")
    add_embeddings inputs "${expdir}/untrained/embeddings"
    for system in "${system_list[@]}"; do
        for phase in "${phase_names[@]}"; do
            # The last phase has the name of the system.
            name="${system}"
            [ "${phase}" = "${phase_names[-1]}" ] || name+="/${phase}"
            embeddings="$(system_dir "${system}")/${phase}/embeddings"
            options+=(--system "${name}=${embeddings}")
            words names "${system//+/ }"
            add_embeddings inputs "${embeddings}" "${names[@]}"
        done
    done
    for set in "${eval_list[@]}"; do
        need "${dumpdir}/${set}/wav.scp" 2
        add_existing inputs "${dumpdir}/${set}"/{utt2*,target_*.scp,trials/*}
    done
    list_set_options set_options
    step --label "${results}: scores" --state "$(state "${last_dir}" results)" \
        --inputs "${inputs[@]}" \
        --outputs "${results}/results.tsv" --files "${results}" results.tsv "scores/**/*" \
        -- python -m espnet_ext.bin.score --attributes "${attributes}" --dump_dir "${dumpdir}" --teacher \
        "${options[@]}" "${set_options[@]}" --out "${results}/results.tsv" --seed "${seed}" --device "${device}"
    report "${results}"
}

# report RESULTS: write tables and plots to this folder, and print the main tables.
report() {
    local phase weights="${last_dir}/${phase_names[-1]}/layer_weights.json" curves=() inputs=() outputs=() plots=()
    for phase in "${phase_names[@]}"; do
        curves+=("${last_dir}/${phase}/curves.tsv")
    done
    # The plots are drawn from files of scores; the step that writes these files represents them.
    inputs=("$1/results.tsv" "${weights}" "${curves[@]}" ${published:+"${published}"})
    outputs=("$1/RESULTS.md" "$1/summary.txt")
    [ ! -f "$1/summary.txt" ] || mapfile -t plots < <(grep '\.png$' "$1/summary.txt")
    step --label "$1: tables and plots" --state "$(state "${last_dir}" report)" \
        --inputs "${inputs[@]}" --after "$(state "${last_dir}" results)" \
        --outputs "${outputs[@]}" "${plots[@]}" --files "$1" RESULTS.md summary.txt "*.png" \
        -- python -m espnet_ext.bin.report --results "$1/results.tsv" --out_dir "$1" \
        --markdown "$1/RESULTS.md" --summary "$1/summary.txt" --title "$(basename "${PWD}"), ${systems}${quick_note}" \
        ${published:+--published "${published}"} --layer_weights "${weights}" --curves "${curves[@]}"
    cat "$1/summary.txt"
}

# add_embeddings LIST FOLDER ATTRIBUTE...: append the files that describe the embeddings of a system.
add_embeddings() {
    local set attribute folders=("${eval_list[@]/#/"$2/"}")
    # The archives of another model have the same names.
    add_existing "$1" "${folders[@]/%//provenance.json}"
    for set in "${folders[@]}"; do
        for attribute in "${@:3}"; do
            need "${set}/${attribute}.scp" 4
            add_existing "$1" "${set}/${attribute}"{,.logits}.scp
        done
    done
}

# list_set_options LIST: store the options that set how each set is scored.
list_set_options() {
    local -n _options="$1"
    local pairs marks
    select_settings pairs retrieval_pairs "${retrieval_pairs}" "${retrieval_list[@]}"
    select_settings marks contaminated "${contaminated}" "${verification_list[@]}"
    _options=(--retrieval_sets "${retrieval_list[@]}" --verification_sets "${verification_list[@]}"
        --classification_sets "${classification_list[@]}" --retrieval_pairs "${pairs[@]}" --contaminated "${marks[@]}")
    [ "${#cohort_list[@]}" -eq 0 ] || _options+=(--cohort_set "${cohort_list[@]}")
    [ "${#calibration_list[@]}" -eq 0 ] || _options+=(--calibration_set "${calibration_list[@]}")
}

# select_settings LIST OPTION "SETTING SETTING" SET...: store the settings (SET, SET=..., SET/...) of the given sets, and report
# the others.
select_settings() {
    local -n _settings="$1"
    local setting given
    words given "$3"
    _settings=()
    for setting in "${given[@]}"; do
        if one_of "${setting%%[=/]*}" "${@:4}"; then
            _settings+=("${setting}")
        else
            echo "  --$2 ${setting}: ignored, this set is not scored here" >&2
        fi
    done
}
