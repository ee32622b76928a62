# What the stages of utt.sh are made of: sourced by it, reads its options.
# shellcheck shell=bash disable=SC2154

step() { python -m espnet_ext.bin.step "$@"; }
system_dir() { echo "${expdir}/utt_$1${tag:+_${tag}}"; }
# Steps of any name leave their fingerprints here.
steps() { echo "$1/.steps/$2.json"; }

begin_stage() { stage_title="$1"; stage_started="${SECONDS}"; echo "Stage ${stage_title}"; }
end_stage() { summary+=("$(printf '%5d s  stage %s' "$((SECONDS - stage_started))" "${stage_title}")"); }
wanted() { [ "${stage}" -le "$1" ] && [ "${stop_stage}" -ge "$1" ]; }
need() { [ -e "$1" ] || fail "$1 is missing: run stage $2 first (./run.sh --stage $2 --stop-stage $2)"; }
# Those of some sets that stage 1 could make; it lists the others, whose corpora were not given.
prepared() {
    local set
    for set in "$@"; do
        grep -qs "^${set}"$'\t' data/not_prepared.tsv || echo "${set}"
    done
}
# settings_of OPTION "SET SET" SETTING...: the settings (SET, SET=..., SET/...) of these sets; a line names the others.
settings_of() {
    local option="$1" sets=" $2 " setting
    shift 2
    for setting in "$@"; do
        if [[ "${sets}" == *" ${setting%%[=/]*} "* ]]; then
            echo "${setting}"
        else
            echo "  --${option} ${setting}: not used, that set is not scored here" >&2
        fi
    done
}
joined() { local IFS=+; echo "$*"; }

# dump_targets DUMP ATTRIBUTE FILES OPTION...: the targets of an attribute, made from FILES (an array's name) and kept as
# target_ATTRIBUTE, with the option --text_lang L as target_ATTRIBUTE.L.
dump_targets() {
    local dump="$1" attribute="$2" name="target_$2"
    local -n files="$3"
    shift 3
    [ "${1:-}" != --text_lang ] || name+=".$2"
    step --label "${dump}: targets of ${name#target_}" --state "$(steps "${dump}" "${name}")" \
        --ignore nj executor device teacher_dir --inputs "${attributes}" "${files[@]}" --outputs "${dump}/${name}.scp" \
        -- python -m espnet_ext.bin.dump_targets --attributes "${attributes}" --attribute "${attribute}" \
        --dump_dir "${dump}" "$@" "${workers[@]}" "${target_device[@]}" ${teacher_dir:+--teacher_dir "${teacher_dir}"}
}

# dump_labels SET [OTHER]: the labels of every attribute whose targets they are; OTHER: in the classes of the training set.
dump_labels() {
    local dump="${dumpdir}/$1" attribute classes options
    for attribute in "${label_attribute_list[@]}"; do
        inputs=("${dump}/wav.scp" "${dump}"/utt2*)
        options=()
        if [ -n "${2:-}" ]; then
            classes="${train_dump}/classes_${attribute}.json"
            inputs+=("${classes}")
            options=(--classes "${classes}")
        fi
        dump_targets "${dump}" "${attribute}" inputs "${options[@]}"
    done
}

# One dump directory out of those of several sets; a single one stays as it is.
combine() {
    local out="$1" set attribute
    shift
    [ "$#" -gt 1 ] || return 0
    inputs=()
    for set in "$@"; do
        inputs+=("${dumpdir}/${set}/wav.scp")
        for attribute in "${attribute_list[@]}"; do
            inputs+=("${dumpdir}/${set}/target_${attribute}.scp")
        done
    done
    step --label "${out}: combined" --state "$(steps "${out}" combined)" --inputs "${inputs[@]}" \
        --outputs "${out}/wav.scp" -- python -m espnet_ext.bin.combine_dumps --out "${out}" \
        --dumps "${@/#/"${dumpdir}/"}" --attributes "${attribute_list[@]}"
}

# Value of a key of a flat or one-line YAML block.
config_value() { sed -n "s/.*[ {]*$1: *\([a-z0-9]*\).*/\1/p" "$2" | head -n 1; }
freezes_encoder() { grep -Eqs 'freeze_blocks: *-1' "$1"; }
# Whether a training hears as much audio as its dump directory holds.
hears_all() {
    local heard=$(($(config_value max_epoch "$1") * $(config_value num_iters_per_epoch "$1") * $(config_value batch_bins "$1")))
    [ "${heard}" -ge "$(awk '{ total += $2 } END { print total }' "$2/utt2num_samples")" ]
}
