# Stage 3: every phase of every system. Sourced by utt.sh.
# shellcheck shell=bash disable=SC2154

train_systems() {
    local system
    need "${train_dump}/wav.scp" 2
    need "${valid_dump}/wav.scp" 2
    find_encoder
    for system in "${system_list[@]}"; do
        train_system "${system}"
    done
}

# The phases of a system in turn, each from the model of the one before.
train_system() {
    local index phase out trained inputs_of start=(--encoder "${encoder_dir}") start_inputs=("${encoder_files[@]}")
    words trained "${1//+/ }"
    if [ -n "${add_attribute}" ]; then
        trained=("${add_attribute}")
        start=(--add_to "${init}")
        start_inputs=("${init}/model.json" "${init}/model.safetensors")
    fi
    mapfile -t inputs_of < <(python -m espnet_ext.bin.choose_input --configs "${phase_list[@]#*=}" \
        --train_dump "${train_dump}")
    [ "${#inputs_of[@]}" -eq "${#phase_list[@]}" ] || exit 1
    for index in "${!phase_list[@]}"; do
        phase="${phase_list[index]}"
        out="$(system_dir "$1")/${phase%%=*}"
        train_phase "${out}" "${phase#*=}" "${inputs_of[index]}"
        start=(--encoder "${encoder_dir}" --init_model "${out}")
        start_inputs=("${out}/model.json" "${out}/model.safetensors")
    done
}

# train_phase OUT CONFIG INPUT: INPUT is what choose_input prints.
train_phase() {
    local out="$1" config="$2" attribute dump input protect=() inputs=("${attributes}" "${start_inputs[@]}")
    if [ "${quick}" = true ]; then
        config="${expdir}/${2//\//_}"
        python -m espnet_ext.bin.shorten_training --config "$2" --fraction "${fraction}" --out "${config}"
    fi
    [ "${overwrite}" = true ] || protect=(--protect "${out}"/{checkpoint.pth,model.safetensors})
    for dump in "${train_dump}" "${valid_dump}"; do
        add_inputs "${dump}"/{wav.scp,utt2num_samples,utt2lang,utt2sent,utt2corpus}
        for attribute in "${trained[@]}"; do
            need "${dump}/target_${attribute}.scp" 2
            add_inputs "${dump}/target_${attribute}".{scp,json}
        done
    done
    words input "$3"
    case "${input[0]}" in
        speech) input=(--input speech) ;;
        layers) dump_layers "${input[@]:1}" ;;
    esac
    step --label "${out}: training" --state "$(state "${out%/*}" "${out##*/}")" --log "${out}.log" \
        --ignore config encoder ngpu batch_bins valid_batch_bins num_workers log_interval \
        --inputs "${inputs[@]}" --settings "${config}" --extend max_epoch \
        --outputs "${out}" --files "${out}" model.json model.safetensors layer_weights.json curves.tsv "${protect[@]}" \
        -- "${train_cmd[@]}" --config "${config}" --output_dir "${out}" "${input[@]}" \
        --train_dump "${train_dump}" --valid_dump "${valid_dump}" \
        --attributes "${attributes}" --attribute_names "${trained[@]}" "${start[@]}" \
        --ngpu "${ngpu}" --seed "${seed}" "${train_arg_list[@]}"
}

# dump_layers FRAME_AVERAGE AUTOCAST FROZEN: frozen blocks compute the same at every epoch, so their outputs are cached.
# Sets `input` of the training.
dump_layers() {
    local dump outputs frozen=() name=layers files=("${encoder_files[@]}") of=(--encoder "${encoder_dir}" --frame_average "$1")
    if [ -n "${add_attribute}" ]; then
        name="layers_${init//[^a-zA-Z0-9+]/_}"
        files=("${init}/model.json" "${init}/model.safetensors")
        of=(--model "${init}")
    fi
    for dump in "${train_dump}" "${valid_dump}"; do
        outputs=("${dump}/${name}/layers.scp")
        # A cache with these outputs also serves trainings that read only the layers.
        if [ "$3" != all ]; then
            outputs+=("${dump}/${name}/hidden_$3.scp")
            frozen=(--num_frozen_blocks "$3")
        fi
        step --label "${dump}: ${name}" --state "$(state "${dump}" "${name}")" --ignore num_frozen_blocks \
            --inputs "${dump}/wav.scp" "${files[@]}" --outputs "${outputs[@]}" --files "${dump}/${name}" "*" \
            -- python -m espnet_ext.bin.dump_layers --dump_dir "${dump}" "${of[@]}" "${frozen[@]}" \
            --layers_name "${name}" --autocast "$2" --device "${device}"
    done
    input=(--input layers --layers_name "${name}")
}
