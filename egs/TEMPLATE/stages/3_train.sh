# Stage 3: training, all phases of all systems. utt.sh sources this file.
# Global variables: the options of utt.sh, the arrays of list_sets and of utt.sh, `train_cmd` of cmd.sh, `encoder_dir`.
# shellcheck shell=bash disable=SC2034,SC2154

# Options of training that do not change the model.
neutral_options=(config encoder ngpu batch_bins valid_batch_bins num_workers log_interval use_tensorboard use_wandb
    wandb_project wandb_id wandb_entity wandb_name wandb_model_log_interval wandb_allow_val_change)

train_systems() {
    local system index phase_inputs
    need "${train_dump}/wav.scp" 2
    need "${valid_dump}/wav.scp" 2
    find_encoder
    mapfile -t phase_inputs < <(python -m espnet_ext.bin.choose_input --configs "${phase_list[@]#*=}" \
        --train_dump "${train_dump}")
    [ "${#phase_inputs[@]}" -eq "${#phase_list[@]}" ] || exit 1
    for system in "${system_list[@]}"; do
        for index in "${!phase_list[@]}"; do
            train_phase "${system}" "${index}" "${phase_inputs[index]}"
        done
    done
}

# train_phase SYSTEM INDEX INPUT: train one phase (INDEX from 0). INPUT is the line that choose_input prints for it.
train_phase() {
    local out config input trained start start_files inputs protect=()
    out="$(system_dir "$1")/${phase_names[$2]}"
    config="${phase_list[$2]#*=}"
    words input "$3"
    words trained "${add_attribute:-${1//+/ }}"
    start_of_phase "$1" "$2" start start_files
    inputs=("${attributes}" "${start_files[@]}")
    add_training_data inputs "${trained[@]}"
    if [ "${quick}" = true ]; then
        config="${expdir}/${config//\//_}"
        python -m espnet_ext.bin.shorten_training --config "${phase_list[$2]#*=}" --fraction "${fraction}" --out "${config}"
    fi
    [ "${overwrite}" = true ] || protect=(--protect "${out}"/{checkpoint.pth,model.safetensors})
    if [ "${input[0]}" = layers ]; then
        dump_layers "${input[@]:1}"
        input=(layers --layers_name "$(layers_name)")
    fi
    step --label "${out}: training" --state "$(state "${out%/*}" "${out##*/}")" --log "${out}/train.log" \
        --ignore "${neutral_options[@]}" --inputs "${inputs[@]}" --settings "${config}" --extend max_epoch \
        --outputs "${out}" --files "${out}" model.json model.safetensors layer_weights.json curves.tsv "${protect[@]}" \
        -- "${train_cmd[@]}" --config "${config}" --output_dir "${out}" --input "${input[@]}" \
        --train_dump "${train_dump}" --valid_dump "${valid_dump}" \
        --attributes "${attributes}" --attribute_names "${trained[@]}" "${start[@]}" \
        --ngpu "${ngpu}" --seed "${seed}" "${train_arg_list[@]}"
}

# start_of_phase SYSTEM INDEX OPTIONS FILES: store the options that set the model from which a phase starts, and its files.
start_of_phase() {
    local -n _options="$3" _files="$4"
    local model
    if [ "$2" -gt 0 ]; then
        model="$(system_dir "$1")/${phase_names[$2 - 1]}"
        _options=(--encoder "${encoder_dir}" --init_model "${model}")
        _files=("${model}/model.json" "${model}/model.safetensors")
    elif [ -n "${add_attribute}" ]; then
        _options=(--add_to "${init}")
        _files=("${init}/model.json" "${init}/model.safetensors")
    else
        _options=(--encoder "${encoder_dir}")
        _files=("${encoder_files[@]}")
    fi
}

# add_training_data LIST ATTRIBUTE...: append the files that are read when the attributes are trained.
add_training_data() {
    local dump attribute
    for dump in "${train_dump}" "${valid_dump}"; do
        add_existing "$1" "${dump}"/{wav.scp,utt2num_samples,utt2lang,utt2sent,utt2corpus}
        for attribute in "${@:2}"; do
            need "${dump}/target_${attribute}.scp" 2
            add_existing "$1" "${dump}/target_${attribute}".{scp,json}
        done
    done
}

# Print the name of the folder of cached layers: those of --encoder, or of the model --init.
layers_name() { echo "layers${init:+_${init//[^a-zA-Z0-9+]/_}}"; }

# dump_layers FRAME_AVERAGE AUTOCAST FROZEN: cache the outputs of frozen blocks, which are the same in every epoch.
dump_layers() {
    local dump name outputs frozen=() files=("${encoder_files[@]}") model=(--encoder "${encoder_dir}" --frame_average "$1")
    name="$(layers_name)"
    if [ -n "${add_attribute}" ]; then
        files=("${init}/model.json" "${init}/model.safetensors")
        model=(--model "${init}")
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
            -- python -m espnet_ext.bin.dump_layers --dump_dir "${dump}" "${model[@]}" "${frozen[@]}" \
            --layers_name "${name}" --autocast "$2" --device "${device}"
    done
}
