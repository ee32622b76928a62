# Stages 6 and 7: packing and upload. utt.sh sources this file.
# Global variables: the options of utt.sh, `system_list`, `phase_names`, `last_dir`.
# shellcheck shell=bash disable=SC2154

pack_models() {
    local system out model
    for system in "${system_list[@]}"; do
        out="$(system_dir "${system}")"
        model="${out}/${phase_names[-1]}"
        need "${model}/model.safetensors" 3
        step --label "${out}/packed" --state "$(state "${out}" packed)" \
            --inputs "${model}/model.json" "${model}/model.safetensors" --outputs "${out}/packed" "${out}/packed.zip" \
            -- python -m espnet_ext.bin.pack --model "${model}" --out "${out}/packed"
    done
}

upload_model() {
    if [ -z "${upload_to}" ]; then
        echo "  nothing is uploaded without --upload_to owner/model"
        return
    fi
    need "${last_dir}/packed/model.safetensors" 6
    python -m espnet_ext.bin.upload --packed "${last_dir}/packed" --to "${upload_to}"
}
