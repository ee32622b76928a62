# Stage 2: audio to archives, the targets of every attribute, one dump directory out of several training sets.
# Sourced by utt.sh.
# shellcheck shell=bash disable=SC2154

dump_sets() {
    local set workers=(--nj "${nj}" --executor "${executor}")
    for set in "${all_list[@]}"; do
        need "data/${set}/wav.scp" 1
    done
    check_needed_files
    for set in "${all_list[@]}"; do
        dump_audio "${set}"
        dump_teachers "${dumpdir}/${set}"
    done
    # The classes are those of the training set.
    for set in "${train_list[@]}"; do
        dump_labels "${set}"
    done
    combine "${train_dump}" "${train_list[@]}"
    for set in "${all_list[@]}"; do
        one_of "${set}" "${train_list[@]}" || dump_labels "${set}" other
    done
    combine "${valid_dump}" "${valid_list[@]}"
}

# One of the training sets must have the files that an attribute learns from; a set without them is legal.
check_needed_files() {
    local line name source file files set found
    for line in "${needed_file_list[@]}"; do
        read -r name source files <<<"${line}"
        for file in ${files//,/ }; do
            found=false
            for set in "${train_list[@]}"; do
                [ ! -s "data/${set}/${file}" ] || found=true
            done
            [ "${found}" = true ] || fail "${attributes}: ${name} learns from ${source}: no training set" \
                "(${train_list[*]}) has the file ${file}: add data/${train_list[0]}/${file}, choose other sets, or" \
                "leave ${name} out of --systems"
        done
    done
}

dump_audio() {
    local data="data/$1" dump="${dumpdir}/$1" inputs=() options=(--min_duration_s 0 --max_duration_s inf)
    # Nothing of an evaluation set is left out.
    if one_of "$1" "${train_list[@]}" "${valid_list[@]}"; then
        options=(--min_duration_s "${min_duration_s}" --max_duration_s "${max_duration_s}")
    fi
    if one_of "$1" "${train_list[@]}" && [ "${#speed_list[@]}" -gt 0 ]; then
        options+=(--speed_perturb "${speed_list[@]}")
    fi
    add_inputs "${data}"/{wav.scp,segments,utt2*,text,text.*,trials/*}
    # Where stage 1 found other corpora, files of audio may have changed under their names.
    step --label "${dump}: audio" --state "$(state "${dump}" audio)" --ignore nj executor \
        --inputs "${inputs[@]}" --after "$(state data prepare)" --outputs "${dump}/wav.scp" \
        --files "${dump}" wav.scp "audio/*" "utt2*" text "text.*" spk2utt excluded.tsv provenance.json "trials/*" \
        -- python -m espnet_ext.bin.dump_audio --data_dir "${data}" --dump_dir "${dump}" "${workers[@]}" \
        --audio_format "${audio_format}" --fraction "${fraction}" "${options[@]}"
}

# The targets of every attribute that has a teacher, of one dump directory.
dump_teachers() {
    local attribute text inputs=()
    add_inputs "$1"/{wav.scp,text,utt2lang,utt2sent}
    for attribute in "${text_attribute_list[@]}" "${speech_attribute_list[@]}"; do
        dump_targets "$1" "${attribute}" ""
    done
    # A set's translations are candidates of its retrieval.
    for text in "$1/text."*; do
        [ -f "${text}" ] || continue
        inputs=("${text}")
        for attribute in "${text_attribute_list[@]}"; do
            dump_targets "$1" "${attribute}" ".${text##*/text.}" --text_lang "${text##*/text.}"
        done
    done
}

# The labels of every attribute whose targets they are; `other`: in the classes of the training set.
dump_labels() {
    local attribute options inputs
    for attribute in "${label_attribute_list[@]}"; do
        inputs=("${dumpdir}/$1/wav.scp" "${dumpdir}/$1"/utt2*)
        options=()
        if [ -n "${2:-}" ]; then
            options=(--classes "${train_dump}/classes_${attribute}.json")
            inputs+=("${options[1]}")
        fi
        dump_targets "${dumpdir}/$1" "${attribute}" "" "${options[@]}"
    done
}

# dump_targets DUMP ATTRIBUTE SUFFIX OPTION...: the targets of an attribute, made from `inputs`.
dump_targets() {
    local name="target_$2$3" files
    files=("${name}".{scp,json} "${name}.????????????????.ark")
    [ -n "$3" ] || files+=("target_$2_translations.*" "classes_$2.json")
    step --label "$1: targets of $2$3" --state "$(state "$1" "${name}")" --ignore nj executor device teacher_dir \
        --inputs "${attributes}" "${inputs[@]}" --outputs "$1/${name}.scp" --files "$1" "${files[@]}" \
        -- python -m espnet_ext.bin.dump_targets --attributes "${attributes}" --attribute "$2" --dump_dir "$1" "${@:4}" \
        "${workers[@]}" "${target_device[@]}" ${teacher_dir:+--teacher_dir "${teacher_dir}"}
}

# combine OUT SET...: one dump directory out of those of several sets; a single one stays as it is.
combine() {
    local dump attribute inputs=() dumps=("${@:2}")
    [ "${#dumps[@]}" -gt 1 ] || return 0
    dumps=("${dumps[@]/#/"${dumpdir}/"}")
    for dump in "${dumps[@]}"; do
        add_inputs "${dump}"/{wav.scp,utt2*}
        for attribute in "${attribute_list[@]}"; do
            add_inputs "${dump}/target_${attribute}.scp"
        done
    done
    step --label "$1: combined" --state "$(state "$1" combined)" --inputs "${inputs[@]}" \
        --outputs "$1/wav.scp" --files "$1" "*" \
        -- python -m espnet_ext.bin.combine_dumps --out "$1" --dumps "${dumps[@]}" --attributes "${attribute_list[@]}"
}
