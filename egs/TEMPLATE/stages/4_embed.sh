# Stage 4: embeddings of the evaluation sets, by the untrained encoder and every phase of every system. Sourced by utt.sh.
# shellcheck shell=bash disable=SC2154

embed_sets() {
    local set system phase model names inputs audio=() dumps=("${eval_list[@]/#/"${dumpdir}/"}")
    for set in "${eval_list[@]}"; do
        need "${dumpdir}/${set}/wav.scp" 2
        audio+=("${dumpdir}/${set}/wav.scp")
    done
    for system in "${system_list[@]}"; do
        for phase in "${phase_names[@]}"; do
            need "$(system_dir "${system}")/${phase}/model.safetensors" 3
        done
    done
    find_encoder
    inputs=("${audio[@]}" "${encoder_files[@]}")
    embed "${expdir}/untrained/embeddings" "$(state "${expdir}/untrained" embeddings)" \
        --untrained "${encoder_dir}" --attributes "${attribute_list[@]}"
    for system in "${system_list[@]}"; do
        words names "${system//+/ }"
        for phase in "${phase_names[@]}"; do
            model="$(system_dir "${system}")/${phase}"
            inputs=("${audio[@]}" "${model}/model.json" "${model}/model.safetensors")
            embed "${model}/embeddings" "$(state "${model%/*}" "${phase}_embeddings")" \
                --model "${model}" --attributes "${names[@]}"
        done
    done
}

# embed OUT STATE OPTION...: all attributes in one pass over `dumps`.
embed() {
    step --label "$1" --state "$2" --ignore nj executor ngpu --inputs "${inputs[@]}" --outputs "$1" \
        -- python -m espnet_ext.bin.extract "${@:3}" \
        --dump_dirs "${dumps[@]}" --out "$1" --device "${device}" "${extract_workers[@]}"
}
