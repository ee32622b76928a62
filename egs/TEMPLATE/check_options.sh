# Functions that check the options of utt.sh, which sources this file, and derive variables from them.
# Global variables: the options, and those that the comments name.
# shellcheck shell=bash disable=SC2034,SC2154

# Check all options that need neither Python nor another file.
check_options() {
    local name
    for name in quick overwrite skip_data_prep skip_train skip_eval skip_packing skip_upload_hf; do
        [[ "${!name}" =~ ^(true|false)$ ]] || fail "--${name} must be true or false, not '${!name}'"
    done
    [ "${quick}" = false ] || [ -z "${upload_to}" ] ||
        fail "--upload_to: a model trained with --quick is not uploaded; run without --quick"
    for name in stage stop_stage nj num_nodes seed; do
        [[ "${!name}" =~ ^[0-9]+$ ]] || fail "--${name} must be a whole number, not '${!name}'"
    done
    [[ "${ngpu}" =~ ^([0-9]+|auto)$ ]] || fail "--ngpu must be a whole number or auto, not '${ngpu}'"
    [[ "${tag}" =~ ^[A-Za-z0-9_.+-]*$ ]] || fail "--tag may contain only letters, digits and '_.+-', not '${tag}'"
    [ "${stage}" -le "${stop_stage}" ] || fail "--stage ${stage} comes after --stop_stage ${stop_stage}"
    for name in train_set valid_set phases systems; do
        [ -n "${!name}" ] || fail "--${name} is empty; a recipe's run.sh sets it"
    done
    [ -z "${teacher_dir}" ] || [ -d "${teacher_dir}" ] || fail "--teacher_dir ${teacher_dir}: no such folder"
    [ -z "${init}" ] || [ -n "${add_attribute}" ] ||
        fail "--init ${init} is only used with --add_attribute; give both or neither"
}

# Set `skip_list`, the numbers of the stages to skip.
set_skipped_stages() {
    local number
    words skip_list "${skip_stages}"
    for number in "${skip_list[@]}"; do
        [[ "${number}" =~ ^[1-7]$ ]] || fail "--skip_stages: '${number}' is not a stage; give numbers from 1 to 7, e.g. \"2 4\""
    done
    [ "${skip_data_prep}" = false ] || skip_list+=(1 2)
    [ "${skip_train}" = false ] || skip_list+=(3)
    [ "${skip_eval}" = false ] || skip_list+=(4 5)
    [ "${skip_packing}" = false ] || skip_list+=(6)
    [ "${skip_upload_hf}" = false ] || skip_list+=(7)
}

# Set `speed_list`, the speeds of the additional copies of the training set. The original is always there, so that 1.0, which
# ESPnet's lists contain, is dropped.
set_speeds() {
    local speed given
    words given "${speed_perturb}"
    speed_list=()
    for speed in "${given[@]}"; do
        [[ "${speed}" =~ ^0*1(\.0*)?$ ]] || speed_list+=("${speed}")
    done
}

# Set `fraction`, the part of the data and of the training steps that is used, and `quick_note`, for the title of the tables.
# With --quick, change --dumpdir, --expdir and --speed_perturb.
set_fraction() {
    fraction=1
    quick_note=
    [ "${quick}" = true ] || return 0
    fraction=0.1
    quick_note=": QUICK RUN, a tenth of the data (at least 50 utterances of each set) and of the training steps, one speed"
    speed_perturb=
    dumpdir="${dumpdir%/}_quick"
    expdir="${expdir%/}_quick"
}

# Set `system_list`, `phase_list` ("NAME=CONFIG") and `phase_names`. With --add_attribute, --systems and --phases are replaced.
set_systems_and_phases() {
    local known phase name twice
    words system_list "${systems}"
    words phase_list "${phases}"
    if [ -n "${add_attribute}" ]; then
        [ -n "${add_config}" ] || fail "--add_attribute needs --add_config, a training config with freeze_blocks: -1"
        [ -e "${init}/model.json" ] ||
            fail "--add_attribute needs --init, the folder of a trained model; '${init}' has no model.json"
        known="$(python -c 'import json, sys; print("+".join(json.load(open(sys.argv[1]))["attributes"]))' \
            "${init}/model.json")"
        systems="${known}+${add_attribute}"
        system_list=("${systems}")
        phase_list=("added=${add_config}")
    fi
    for phase in "${phase_list[@]}"; do
        [[ "${phase}" =~ ^[A-Za-z0-9_.-]+=.+$ ]] || fail "--phases: '${phase}' is not NAME=CONFIG"
        [ -f "${phase#*=}" ] || fail "${phase#*=}: no such training config"
    done
    phase_names=("${phase_list[@]%%=*}")
    # The folder of a system contains those of its phases and other outputs.
    for name in "${phase_names[@]}"; do
        [[ ! "${name}" =~ ^(\..*|results|report|packed|.*_embeddings)$ ]] ||
            fail "--phases: '${name}' cannot be the name of a phase"
    done
    twice="$(printf '%s\n' "${phase_names[@]}" | sort | uniq -d | head -n 1)"
    [ -z "${twice}" ] || fail "--phases: two phases have the name '${twice}'; rename one"
}

# Replace `auto` in --ngpu by the number of GPUs, and check the number. Cluster jobs run on other machines.
check_gpus() {
    local count
    [ "${ngpu}" != 0 ] || return 0
    count="$(python -c 'import torch; print(torch.cuda.device_count())')"
    [ "${ngpu}" != auto ] || ngpu="${count}"
    [ "${executor}" = local ] && [ "${num_nodes}" -eq 1 ] || return 0
    [ "${ngpu}" -le "${count}" ] ||
        fail "--ngpu ${ngpu}: torch finds ${count} GPUs on this machine; lower it (0 = CPU) or check CUDA_VISIBLE_DEVICES"
}
