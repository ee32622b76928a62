# Stage 5: scores, tables and plots. Sourced by utt.sh.
# shellcheck shell=bash disable=SC2154

score_systems() {
    local set system phase inputs=("${attributes}") results="${last_dir}/results"
    local options=(--system "untrained=${expdir}/untrained/embeddings")
    add_origins "${expdir}/untrained/embeddings"
    for system in "${system_list[@]}"; do
        for phase in "${phase_names[@]}"; do
            add_system "${system}" "${phase}"
        done
    done
    for set in "${eval_list[@]}"; do
        need "${dumpdir}/${set}/wav.scp" 2
        add_inputs "${dumpdir}/${set}"/{utt2*,target_*.scp,trials/*}
    done
    add_set_options
    step --label "${results}: scores" --state "$(state "${last_dir}" results)" \
        --inputs "${inputs[@]}" \
        --outputs "${results}/results.tsv" --files "${results}" results.tsv "scores/**/*" \
        -- python -m espnet_ext.bin.score --attributes "${attributes}" --dump_dir "${dumpdir}" --teacher \
        "${options[@]}" --out "${results}/results.tsv" --seed "${seed}" --device "${device}"
    report "${results}"
}

# report RESULTS: tables and plots in this folder. The main tables are printed by every run.
report() {
    local phase weights="${last_dir}/${phase_names[-1]}/layer_weights.json" curves=() inputs=() outputs=() plots=()
    for phase in "${phase_names[@]}"; do
        curves+=("${last_dir}/${phase}/curves.tsv")
    done
    # The plots are drawn from files of scores, for which the step that wrote them stands.
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

# add_system SYSTEM PHASE: its embeddings, whose name is the system's alone after the last phase.
add_system() {
    local name="$1" set attribute names embeddings
    [ "$2" = "${phase_names[-1]}" ] || name+="/$2"
    embeddings="$(system_dir "$1")/$2/embeddings"
    options+=(--system "${name}=${embeddings}")
    add_origins "${embeddings}"
    words names "${1//+/ }"
    for set in "${eval_list[@]}"; do
        for attribute in "${names[@]}"; do
            need "${embeddings}/${set}/${attribute}.scp" 4
            add_inputs "${embeddings}/${set}/${attribute}"{,.logits}.scp
        done
    done
}

# What embeddings were made from: another model's lie in archives of the same names.
add_origins() {
    local set
    for set in "${eval_list[@]}"; do
        add_inputs "$1/${set}/provenance.json"
    done
}

# How each set is scored.
add_set_options() {
    local settings
    options+=(--retrieval_sets "${retrieval_list[@]}" --verification_sets "${verification_list[@]}")
    options+=(--classification_sets "${classification_list[@]}")
    settings_of retrieval_pairs "${retrieval_pairs}" "${retrieval_list[@]}"
    options+=(--retrieval_pairs "${settings[@]}")
    settings_of contaminated "${contaminated}" "${verification_list[@]}"
    options+=(--contaminated "${settings[@]}")
    [ "${#cohort_list[@]}" -eq 0 ] || options+=(--cohort_set "${cohort_list[@]}")
    [ "${#calibration_list[@]}" -eq 0 ] || options+=(--calibration_set "${calibration_list[@]}")
}

# settings_of OPTION "SETTING SETTING" SET...: those settings (SET, SET=..., SET/...) that are of the sets; a line names the
# others.
settings_of() {
    local setting given
    words given "$2"
    settings=()
    for setting in "${given[@]}"; do
        if one_of "${setting%%[=/]*}" "${@:3}"; then
            settings+=("${setting}")
        else
            echo "  --$1 ${setting}: not used, that set is not scored here" >&2
        fi
    done
}
