# Stage 4: embeddings of the evaluation sets, from the untrained encoder and from all phases of all systems. utt.sh sources
# this file.
# Global variables: the options of utt.sh, the arrays of list_sets and of utt.sh, `encoder_dir`.
# shellcheck shell=bash disable=SC2034,SC2154

embed_sets() {
    local set system phase model files names
    for set in "${eval_list[@]}"; do
        need "${dumpdir}/${set}/wav.scp" 2
    done
    for system in "${system_list[@]}"; do
        for phase in "${phase_names[@]}"; do
            need "$(system_dir "${system}")/${phase}/model.safetensors" 3
        done
    done
    find_encoder
    embed "${expdir}/untrained/embeddings" "$(state "${expdir}/untrained" embeddings)" encoder_files \
        --untrained "${encoder_dir}" --attributes "${attribute_list[@]}"
    for system in "${system_list[@]}"; do
        words names "${system//+/ }"
        for phase in "${phase_names[@]}"; do
            model="$(system_dir "${system}")/${phase}"
            files=("${model}/model.json" "${model}/model.safetensors")
            embed "${model}/embeddings" "$(state "${model%/*}" "${phase}_embeddings")" files \
                --model "${model}" --attributes "${names[@]}"
        done
    done
}

# embed OUT STATE FILES OPTION...: all attributes of all evaluation sets in one pass. FILES is the array of the model's files.
embed() {
    local -n _files="$3"
    local dumps=("${eval_list[@]/#/"${dumpdir}/"}")
    step --label "$1" --state "$2" --ignore nj executor ngpu \
        --inputs "${dumps[@]/%//wav.scp}" "${_files[@]}" --outputs "$1" \
        -- python -m espnet_ext.bin.extract "${@:4}" \
        --dump_dirs "${dumps[@]}" --out "$1" --device "${device}" "${extract_workers[@]}"
}
