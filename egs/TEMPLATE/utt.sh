#!/usr/bin/env bash
# THE stage script of all recipes: from corpora to tables. A recipe's run.sh only passes options to it.
set -euo pipefail

# >>> options
# General
stage=1                 # first stage to run: 1 data, 2 dump, 3 training, 4 embeddings, 5 scores, 6 packing, 7 upload
stop_stage=6            # last stage to run
systems=                # what to train and compare, attributes joined by +, e.g. "sem spk sem+spk"
nj=2                    # processes of data preparation and dump
ngpu=0                  # GPUs of training and extraction; 0 = CPU
seed=0                  # of training and of the bootstrap intervals
cache_dir=              # downloads, shared between clones; default $XDG_CACHE_HOME/espnet_ext or ~/.cache/espnet_ext
dumpdir=dump            # outputs of stage 2
expdir=exp              # outputs of stages 3 to 6
tag=                    # added to the names of the experiments, to keep variants apart
# Data
train_set=              # sets below data/ and the dump directory
valid_set=
retrieval_sets=         # sets scored by retrieval
verification_sets=      # sets scored by speaker verification
data_args=              # further options of local/data.sh
speed_perturb=          # speeds of further copies of the training set, e.g. "0.9 1.1"
min_duration_s=0.4      # shorter utterances are left out, counted and listed
max_duration_s=10       # and longer ones
# Model
attributes=conf/attributes.yaml  # declares the attributes: targets, heads, objectives, scoring
encoder=whisper-base    # pretrained encoder: packaged name, folder, or hub id (owner/model)
phases=                 # phases of training, "name=config ..."; each starts from the one before
train_args=             # further options of training, e.g. "--max_epoch 5"
# Upload
upload_to=              # hub id (owner/model) for stage 7
# <<< options

fail() { echo "error: $*" >&2; exit 1; }

show_help() {
    echo "Usage: ./run.sh [--option value]..."
    sed -n '/^# >>> options$/,/^# <<< options$/p' "$(readlink -f "$0")" |
        sed -E '/^# (>>>|<<<)/d; s/^# (.*)$/\n\1:/; s/^([a-z_]+)=([^ ]*) +# /  --\1 [\2]  /; s/^([a-z_]+)=([^ ]*)$/  --\1 [\2]/'
}

option_names="$(sed -n '/^# >>> options$/,/^# <<< options$/s/^\([a-z_]*\)=.*/\1/p' "$(readlink -f "$0")")"
while [ "$#" -gt 0 ]; do
    case "$1" in
        --help | -h) show_help; exit 0 ;;
        --*) ;;
        *) fail "$1: not an option; see ./run.sh --help" ;;
    esac
    name="${1#--}"
    name="${name//-/_}"
    grep -qx -- "${name}" <<<"${option_names}" ||
        fail "unknown option $1; options: --${option_names//$'\n'/ --}"
    [ "$#" -ge 2 ] || fail "option $1 needs a value"
    printf -v "${name}" '%s' "$2"
    shift 2
done

for name in stage stop_stage nj ngpu seed; do
    [[ "${!name}" =~ ^[0-9]+$ ]] || fail "--${name} must be a whole number, not '${!name}'"
done
for name in train_set valid_set phases systems; do
    [ -n "${!name}" ] || fail "--${name} is empty; a recipe's run.sh sets it"
done

# shellcheck source-path=SCRIPTDIR
. ./path.sh
# shellcheck source-path=SCRIPTDIR
. ./cmd.sh

cache_dir="${cache_dir:-${XDG_CACHE_HOME:-${HOME}/.cache}/espnet_ext}"
device=cpu
[ "${ngpu}" -eq 0 ] || device=cuda
read -ra system_list <<<"${systems}"
read -ra phase_list <<<"${phases}"
read -ra retrieval_list <<<"${retrieval_sets}"
read -ra verification_list <<<"${verification_sets}"
read -ra data_arg_list <<<"${data_args}"
read -ra train_arg_list <<<"${train_args}"
read -ra speed_list <<<"${speed_perturb}"
mapfile -t eval_list < <(printf '%s\n' "${retrieval_list[@]}" "${verification_list[@]}" | sort -u)
mapfile -t attribute_list < <(python -m espnet_ext.bin.list_attributes "${attributes}" "${system_list[@]}")
[ "${#attribute_list[@]}" -gt 0 ] || exit 1
final_phase="${phase_list[-1]%%=*}"

step() { python -m espnet_ext.bin.step "$@"; }
system_dir() { echo "${expdir}/utt_$1${tag:+_${tag}}"; }
last_dir="$(system_dir "${system_list[-1]}")"
# Steps of any name leave their fingerprints here.
steps() { echo "$1/.steps/$2.json"; }

summary=()
begin_stage() { stage_title="$1"; stage_started="${SECONDS}"; echo "Stage ${stage_title}"; }
end_stage() { summary+=("$(printf '%5d s  stage %s' "$((SECONDS - stage_started))" "${stage_title}")"); }
wanted() { [ "${stage}" -le "$1" ] && [ "${stop_stage}" -ge "$1" ]; }
# Value of a key of a flat or one-line YAML block.
config_value() { sed -n "s/.*[ {]*$1: *\([a-z0-9]*\).*/\1/p" "$2" | head -n 1; }
need() { [ -e "$1" ] || fail "$1 is missing: run stage $2 first (./run.sh --stage $2 --stop-stage $2)"; }

if wanted 1; then
    begin_stage "1: data preparation"
    step --label "data/" --state "$(steps data prepare)" --outputs "data/${train_set}/wav.scp" \
        -- local/data.sh --data data --cache_dir "${cache_dir}" --nj "${nj}" "${data_arg_list[@]}"
    end_stage
fi

if wanted 2; then
    begin_stage "2: feature dump"
    for set in "${train_set}" "${valid_set}" "${eval_list[@]}"; do
        need "data/${set}/wav.scp" 1
        dump="${dumpdir}/${set}"
        speeds=()
        if [ "${set}" = "${train_set}" ] && [ "${#speed_list[@]}" -gt 0 ]; then
            speeds=(--speed_perturb "${speed_list[@]}")
        fi
        step --label "${dump}: audio" --state "$(steps "${dump}" audio)" --ignore "${nj}" \
            --inputs "data/${set}/"{wav.scp,utt2spk} --outputs "${dump}/wav.scp" \
            -- python -m espnet_ext.bin.dump_audio --data_dir "data/${set}" --dump_dir "${dump}" --nj "${nj}" \
            --min_duration_s "${min_duration_s}" --max_duration_s "${max_duration_s}" "${speeds[@]}"
        texts=()
        [ ! -e "${dump}/text" ] || texts=("${dump}/text")
        for attribute in "${attribute_list[@]}"; do
            step --label "${dump}: targets of ${attribute}" --state "$(steps "${dump}" "target_${attribute}")" \
                --inputs "${dump}/wav.scp" "${attributes}" "${texts[@]}" --outputs "${dump}/target_${attribute}.scp" \
                -- python -m espnet_ext.bin.dump_targets --attributes "${attributes}" --attribute "${attribute}" \
                --dump_dir "${dump}" --cache_dir "${cache_dir}" --nj "${nj}"
        done
    done
    end_stage
fi

if wanted 3 || wanted 4; then
    encoder_dir="$(python -m espnet_ext.bin.fetch_encoder --encoder "${encoder}" --cache_dir "${cache_dir}" | tail -n 1)"
fi

if wanted 3; then
    begin_stage "3: multi-task post-training"
    need "${dumpdir}/${train_set}/wav.scp" 2
    need "${dumpdir}/${valid_set}/wav.scp" 2
    for system in "${system_list[@]}"; do
        init=()
        inits=()
        for phase in "${phase_list[@]}"; do
            config="${phase#*=}"
            out="$(system_dir "${system}")/${phase%%=*}"
            need "${config}" "of writing this config"
            input=speech
            # A frozen encoder says the same at every epoch: its layers are computed once.
            if grep -Eq 'freeze_blocks: *-1' "${config}"; then
                input=layers
                autocast="$(config_value autocast "${config}")"
                frame_average="$(config_value frame_average "${config}")"
                for set in "${train_set}" "${valid_set}"; do
                    step --label "${dumpdir}/${set}: layers" --state "$(steps "${dumpdir}/${set}" layers)" \
                        --inputs "${dumpdir}/${set}/wav.scp" "${encoder_dir}/model.safetensors" \
                        --outputs "${dumpdir}/${set}/layers/layers.scp" \
                        -- python -m espnet_ext.bin.dump_layers --dump_dir "${dumpdir}/${set}" \
                        --encoder "${encoder_dir}" --frame_average "${frame_average:-1}" \
                        --autocast "${autocast:-float32}" --device "${device}"
                done
            fi
            targets=()
            for attribute in ${system//+/ }; do
                for set in "${train_set}" "${valid_set}"; do
                    need "${dumpdir}/${set}/target_${attribute}.scp" 2
                    targets+=("${dumpdir}/${set}/target_${attribute}.scp")
                done
            done
            # shellcheck disable=SC2086 # a system's attributes are words
            step --label "${out}: training" --state "$(steps "${out%/*}" "${phase%%=*}")" --log "${out}.log" \
                --inputs "${config}" "${attributes}" "${dumpdir}/${train_set}/wav.scp" "${targets[@]}" "${inits[@]}" \
                --outputs "${out}" \
                -- "${train_cmd[@]}" --config "${config}" --output_dir "${out}" --input "${input}" \
                --train_dump "${dumpdir}/${train_set}" --valid_dump "${dumpdir}/${valid_set}" \
                --attributes "${attributes}" --attribute_names ${system//+/ } --encoder "${encoder_dir}" \
                --ngpu "${ngpu}" --seed "${seed}" "${init[@]}" "${train_arg_list[@]}"
            init=(--init_model "${out}")
            inits=("${out}/model.safetensors")
        done
    done
    end_stage
fi

# Name and embeddings of every system that stage 4 writes and stage 5 scores.
scored=()
for system in "${system_list[@]}"; do
    for phase in "${phase_list[@]}"; do
        phase="${phase%%=*}"
        name="${system}"
        [ "${phase}" = "${final_phase}" ] || name="${system}/${phase}"
        scored+=("${name}=$(system_dir "${system}")/${phase}/embeddings")
    done
done

if wanted 4; then
    begin_stage "4: embedding extraction"
    dumps=()
    inputs=()
    for set in "${eval_list[@]}"; do
        need "${dumpdir}/${set}/wav.scp" 2
        dumps+=("${dumpdir}/${set}")
        inputs+=("${dumpdir}/${set}/wav.scp")
    done
    for entry in "${scored[@]}"; do
        entry="${entry#*=}"
        need "${entry%/embeddings}/model.safetensors" 3
    done
    step --label "untrained encoder: embeddings" --state "$(steps "${expdir}/untrained" embeddings)" \
        --inputs "${inputs[@]}" "${encoder_dir}/model.safetensors" --outputs "${expdir}/untrained/embeddings" \
        -- python -m espnet_ext.bin.extract --untrained "${encoder_dir}" --attributes "${attribute_list[@]}" \
        --dump_dirs "${dumps[@]}" --out "${expdir}/untrained/embeddings" --device "${device}"
    for entry in "${scored[@]}"; do
        out="${entry#*=}"
        model="${out%/embeddings}"
        system="${entry%%=*}"
        system="${system%%/*}"
        # shellcheck disable=SC2086 # a system's attributes are words
        step --label "${out}" --state "$(steps "${model%/*}" "${model##*/}_embeddings")" \
            --inputs "${inputs[@]}" "${model}/model.safetensors" "${model}/model.json" --outputs "${out}" \
            -- python -m espnet_ext.bin.extract --model "${model}" --attributes ${system//+/ } \
            --dump_dirs "${dumps[@]}" --out "${out}" --device "${device}"
    done
    end_stage
fi

results="${last_dir}/results"
if wanted 5; then
    begin_stage "5: scoring"
    arguments=(--system "untrained=${expdir}/untrained/embeddings")
    inputs=("${attributes}")
    for entry in "${scored[@]}"; do
        arguments+=(--system "${entry}")
        for set in "${eval_list[@]}"; do
            for attribute in ${entry%%[=/]*}; do
                for part in ${attribute//+/ }; do
                    need "${entry#*=}/${set}/${part}.scp" 4
                    inputs+=("${entry#*=}/${set}/${part}.scp")
                done
            done
        done
    done
    for set in "${eval_list[@]}"; do
        need "${dumpdir}/${set}/wav.scp" 2
        for file in "${dumpdir}/${set}/"{utt2sent,utt2lang,target_*.scp,trials/*}; do
            [ ! -f "${file}" ] || inputs+=("${file}")
        done
    done
    step --label "${results}: scores" --state "$(steps "${last_dir}" results)" --inputs "${inputs[@]}" \
        --outputs "${results}/results.tsv" \
        -- python -m espnet_ext.bin.score --attributes "${attributes}" --dump_dir "${dumpdir}" --teacher \
        "${arguments[@]}" --retrieval_sets "${retrieval_list[@]}" --verification_sets "${verification_list[@]}" \
        --out "${results}/results.tsv" --seed "${seed}"
    curves=()
    for phase in "${phase_list[@]}"; do
        curves+=("${last_dir}/${phase%%=*}/curves.tsv")
    done
    python -m espnet_ext.bin.report --results "${results}/results.tsv" --out_dir "${results}" \
        --markdown "${results}/RESULTS.md" --title "$(basename "${PWD}"), ${systems}" \
        --layer_weights "${last_dir}/${final_phase}/layer_weights.json" --curves "${curves[@]}"
    end_stage
fi

if wanted 6; then
    begin_stage "6: packing"
    for system in "${system_list[@]}"; do
        out="$(system_dir "${system}")"
        need "${out}/${final_phase}/model.safetensors" 3
        step --label "${out}/packed" --state "$(steps "${out}" packed)" \
            --inputs "${out}/${final_phase}/model.safetensors" "${out}/${final_phase}/model.json" \
            --outputs "${out}/packed" \
            -- python -m espnet_ext.bin.pack --model "${out}/${final_phase}" --out "${out}/packed"
    done
    end_stage
fi

if wanted 7; then
    begin_stage "7: upload"
    if [ -n "${upload_to}" ]; then
        need "${last_dir}/packed/model.safetensors" 6
        python -m espnet_ext.bin.upload --packed "${last_dir}/packed" --to "${upload_to}"
    else
        echo "  nothing to do: give --upload_to owner/model"
    fi
    end_stage
fi

printf '\nTime\n'
printf '%s\n' "${summary[@]}" "$(printf '%5d s  in all' "${SECONDS}")"
