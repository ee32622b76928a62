# Stage 2: audio archives, the targets of all attributes, combined dump directories of several sets. utt.sh sources this file.
# Global variables: the options of utt.sh, the arrays of list_sets and of utt.sh (attributes, speeds, options of commands).
# shellcheck shell=bash disable=SC2034,SC2154

dump_sets() {
    local set
    for set in "${all_list[@]}"; do
        need "data/${set}/wav.scp" 1
    done
    check_needed_files "${needed_file_list[@]}"
    for set in "${all_list[@]}"; do
        dump_audio "${set}"
        dump_teachers "${dumpdir}/${set}"
    done
    combine "${train_dump}" "${train_list[@]}"
    combine "${valid_dump}" "${valid_list[@]}"
    # The classes are those of all training sets together.
    dump_labels "${train_dump}"
    for set in "${all_list[@]}"; do
        one_of "${set}" "${train_list[@]}" || dump_labels "${dumpdir}/${set}" "${train_dump}"
    done
    one_of "${valid_dump#"${dumpdir}/"}" "${all_list[@]}" || dump_labels "${valid_dump}" "${train_dump}"
}

# check_needed_files "ATTRIBUTE SOURCE FILE,FILE"...: stop if no training set has a file that an attribute is trained on. It is
# enough that one of the sets has it.
check_needed_files() {
    local line name source files file set found
    for line in "$@"; do
        read -r name source files <<<"${line}"
        for file in ${files//,/ }; do
            found=false
            for set in "${train_list[@]}"; do
                [ ! -s "data/${set}/${file}" ] || found=true
            done
            [ "${found}" = true ] || fail "${attributes}: ${name} is trained on ${source}, but no training set" \
                "(${train_list[*]}) has the file ${file}: add data/${train_list[0]}/${file}, choose other sets, or" \
                "remove ${name} from --systems"
        done
    done
}

# dump_audio SET
dump_audio() {
    local data="data/$1" dump="${dumpdir}/$1" inputs=() options=(--min_duration_s 0 --max_duration_s inf)
    # All utterances of an evaluation set are kept.
    if one_of "$1" "${train_list[@]}" "${valid_list[@]}"; then
        options=(--min_duration_s "${min_duration_s}" --max_duration_s "${max_duration_s}")
    fi
    if one_of "$1" "${train_list[@]}" && [ "${#speed_list[@]}" -gt 0 ]; then
        options+=(--speed_perturb "${speed_list[@]}")
    fi
    add_existing inputs "${data}"/{wav.scp,segments,utt2*,text,text.*,trials/*}
    # With other corpora, stage 1 may have written different audio under the same names.
    step --label "${dump}: audio" --state "$(state "${dump}" audio)" --ignore nj executor \
        --inputs "${inputs[@]}" --after "$(state data prepare)" --outputs "${dump}/wav.scp" \
        --files "${dump}" wav.scp "audio/*" "utt2*" text "text.*" spk2utt excluded.tsv provenance.json "trials/*" \
        -- python -m espnet_ext.bin.dump_audio --data_dir "${data}" --dump_dir "${dump}" "${workers[@]}" \
        --audio_format "${audio_format}" --fraction "${fraction}" "${options[@]}"
}

# dump_teachers DUMP: the targets of all attributes that have a teacher.
dump_teachers() {
    local attribute text inputs=()
    add_existing inputs "$1"/{wav.scp,text,utt2lang,utt2sent}
    for attribute in "${text_attribute_list[@]}" "${speech_attribute_list[@]}"; do
        dump_targets "$1" "${attribute}" "" inputs
    done
    # The translations of a set are candidates of its retrieval.
    for text in "$1/text."*; do
        [ -f "${text}" ] || continue
        inputs=("${text}")
        for attribute in "${text_attribute_list[@]}"; do
            dump_targets "$1" "${attribute}" ".${text##*/text.}" inputs --text_lang "${text##*/text.}"
        done
    done
}

# dump_labels DUMP [TRAIN_DUMP]: the targets of all attributes with labels; TRAIN_DUMP defines their classes.
dump_labels() {
    local attribute options inputs
    for attribute in "${label_attribute_list[@]}"; do
        inputs=("$1/wav.scp" "$1"/utt2*)
        options=()
        if [ -n "${2:-}" ]; then
            options=(--classes "$2/classes_${attribute}.json")
            inputs+=("${options[1]}")
        fi
        dump_targets "$1" "${attribute}" "" inputs "${options[@]}"
    done
}

# dump_targets DUMP ATTRIBUTE SUFFIX INPUTS OPTION...: the targets of one attribute, made from the files of the array INPUTS.
dump_targets() {
    local -n _inputs="$4"
    local name="target_$2$3" files
    files=("${name}".{scp,json} "${name}.????????????????.ark")
    [ -n "$3" ] || files+=("target_$2_translations.*" "classes_$2.json")
    step --label "$1: targets of $2$3" --state "$(state "$1" "${name}")" --ignore nj executor device teacher_dir \
        --inputs "${attributes}" "${_inputs[@]}" --outputs "$1/${name}.scp" --files "$1" "${files[@]}" \
        -- python -m espnet_ext.bin.dump_targets --attributes "${attributes}" --attribute "$2" --dump_dir "$1" "${@:5}" \
        "${workers[@]}" "${target_device[@]}" ${teacher_dir:+--teacher_dir "${teacher_dir}"}
}

# combine OUT SET...: combine the dump directories of several sets. A single set is used as it is.
combine() {
    local dump attribute inputs=() files=(wav.scp "utt2*") dumps=("${@:2}")
    local taught=("${text_attribute_list[@]}" "${speech_attribute_list[@]}")
    [ "${#dumps[@]}" -gt 1 ] || return 0
    dumps=("${dumps[@]/#/"${dumpdir}/"}")
    for dump in "${dumps[@]}"; do
        add_existing inputs "${dump}"/{wav.scp,utt2*}
        for attribute in "${taught[@]}"; do
            add_existing inputs "${dump}/target_${attribute}.scp"
        done
    done
    for attribute in "${taught[@]}"; do
        files+=("target_${attribute}".{scp,json} "target_${attribute}_translations".{scp,json})
    done
    step --label "$1: combined" --state "$(state "$1" combined)" --inputs "${inputs[@]}" \
        --outputs "$1/wav.scp" --files "$1" "${files[@]}" \
        -- python -m espnet_ext.bin.combine_dumps --out "$1" --dumps "${dumps[@]}" --attributes "${taught[@]}"
}
