#!/usr/bin/env bash
# THE stage script of all recipes: from corpora to tables. A recipe's run.sh only passes options to it.
set -euo pipefail

# >>> options
# General
stage=1                 # first stage to run: 1 data, 2 dump, 3 training, 4 embeddings, 5 scores, 6 packing, 7 upload
stop_stage=6            # last stage to run
systems=                # what to train and compare, attributes joined by +, e.g. "sem spk sem+spk"
nj=2                    # processes of data preparation and dump; workers of a cluster
executor=local          # who runs them: local, slurm, or the address of a Dask scheduler (tcp://host:port)
num_nodes=1             # machines of training, see cmd.sh
ngpu=0                  # GPUs of one machine, for targets, training and extraction; 0 = CPU, auto = all there are
seed=0                  # of training and of the bootstrap intervals
cache_dir=              # downloads, shared between clones; default $XDG_CACHE_HOME/espnet_ext or ~/.cache/espnet_ext
dumpdir=dump            # outputs of stage 2
expdir=exp              # outputs of stages 3 to 6
tag=                    # added to the names of the experiments, to keep variants apart
# Data
train_set=              # sets below data/ and the dump directory, several of them as "a b"
valid_set=
retrieval_sets=         # sets scored by retrieval
retrieval_pairs=        # their directions, e.g. "fleurs_test=X-eng mtedx_test=ita-eng"; all where none is named
classification_sets=    # sets scored by classification and regression
verification_sets=      # sets scored by speaker verification
cohort_set=             # set whose speakers are the cohort of AS-norm; without it there are no normalised scores
calibration_set=        # set whose trials calibrate scores for actDCF and Cllr; without it there are none of these
contaminated=           # verification sets (SET or SET/TRIALS) that a teacher was trained on: marked in the tables
published=              # YAML file of published figures, to be printed beside ours
speed_perturb=          # speeds of further copies of the training set, e.g. "0.9 1.1"
min_duration_s=0.4      # shorter utterances of the training and valid sets are left out, counted and listed
max_duration_s=10       # and longer ones
audio_format=wav        # of the dumped audio: wav is written and read faster, flac takes three fifths of the disk
# Model
attributes=conf/attributes.yaml  # declares the attributes: targets, heads, objectives, scoring
teacher_dir=            # folder of the teachers' models, for machines without a hub
encoder=whisper-base    # pretrained encoder: packaged name, folder, or hub id (owner/model)
phases=                 # phases of training, "name=config ..."; each starts from the one before
add_attribute=          # train the head of this attribute alone, on the model of --init, which stays as it is to the bit
init=                   # folder of that model, e.g. exp/utt_sem+spk/finetune
add_config=             # its training config, with freeze_blocks: -1; the first such one of --phases if empty
train_args=             # further options of training, e.g. "--max_epoch 5"
# Upload
upload_to=              # hub id (owner/model) for stage 7
# <<< options

template="$(dirname "$(readlink -f "$0")")"
# shellcheck source-path=SCRIPTDIR
. "${template}/parse_options.sh"

[ "${ngpu}" != auto ] || ngpu="$(nvidia-smi --list-gpus 2>/dev/null | grep -c '^GPU' || true)"
for name in stage stop_stage nj num_nodes ngpu seed; do
    [[ "${!name}" =~ ^[0-9]+$ ]] || fail "--${name} must be a whole number, not '${!name}'"
done
for name in train_set valid_set phases systems; do
    [ -n "${!name}" ] || fail "--${name} is empty; a recipe's run.sh sets it"
done

# shellcheck source-path=SCRIPTDIR
. ./path.sh
# shellcheck source-path=SCRIPTDIR
. ./cmd.sh
# shellcheck source-path=SCRIPTDIR
. "${template}/steps.sh"

# Where every command keeps its downloads.
[ -z "${cache_dir}" ] || export ESPNET_EXT_CACHE="${cache_dir}"
device=cpu
target_device=(--device cpu)
extract_workers=(--ngpu "${ngpu}")
if [ "${ngpu}" -gt 0 ]; then
    device=cuda
    target_device=()  # every GPU there is
fi
[ "${executor}" = local ] || extract_workers=(--nj "${nj}" --executor "${executor}")
read -ra system_list <<<"${systems}"
read -ra phase_list <<<"${phases}"
read -ra train_arg_list <<<"${train_args}"
read -ra speed_list <<<"${speed_perturb}"
if [ -n "${add_attribute}" ]; then
    [ -e "${init}/model.json" ] || fail "--add_attribute needs --init, the folder of a trained model; '${init}' has no model.json"
    known="$(python -c 'import json, sys; print("+".join(json.load(open(sys.argv[1]))["attributes"]))' "${init}/model.json")"
    system_list=("${known}+${add_attribute}")
    systems="${system_list[0]}"
    for config in ${add_config:+"${add_config}"} "${phase_list[@]#*=}"; do
        ! freezes_encoder "${config}" || { phase_list=("added=${config}"); break; }
    done
    [ "${phase_list[0]%%=*}" = added ] || fail "--add_attribute needs --add_config, a config with freeze_blocks: -1"
fi
mapfile -t attribute_list < <(python -m espnet_ext.bin.list_attributes "${attributes}" "${system_list[@]}")
[ "${#attribute_list[@]}" -gt 0 ] || exit 1
# Those whose targets follow from text, speech or labels.
attributes_from() { printf '%s\n' "${attribute_list[@]}" | sed -n "s/ $1\$//p"; }
mapfile -t text_attribute_list < <(attributes_from text)
mapfile -t speech_attribute_list < <(attributes_from speech)
mapfile -t label_attribute_list < <(attributes_from labels)
attribute_list=("${attribute_list[@]%% *}")
final_phase="${phase_list[-1]%%=*}"

last_dir="$(system_dir "${system_list[-1]}")"
summary=()

if wanted 1; then
    begin_stage "1: data preparation"
    arguments=()
    folders=()
    for name in "${data_options[@]}"; do
        [ -z "${!name}" ] || arguments+=("--${name}" "${!name}")
        [ ! -d "${!name}" ] || folders+=("${!name}")  # a corpus
    done
    outputs=()
    # shellcheck disable=SC2086 # sets are words
    for set in $(prepared ${train_set} ${valid_set} ${retrieval_sets} ${verification_sets} ${classification_sets}); do
        outputs+=("data/${set}/wav.scp")
    done
    step --label "data/" --state "$(steps data prepare)" --ignore nj --folders "${folders[@]}" --outputs "${outputs[@]}" \
        -- local/data.sh --data data --nj "${nj}" "${arguments[@]}"
    end_stage
fi

# shellcheck disable=SC2086 # sets are words
{
    mapfile -t train_list < <(prepared ${train_set})
    mapfile -t valid_list < <(prepared ${valid_set})
    mapfile -t retrieval_list < <(prepared ${retrieval_sets})
    mapfile -t verification_list < <(prepared ${verification_sets})
    mapfile -t classification_list < <(prepared ${classification_sets})
    mapfile -t calibration_list < <(prepared ${calibration_set})
    mapfile -t cohort_list < <(prepared ${cohort_set})
}
for name in train valid; do
    declare -n list="${name}_list"
    [ "${#list[@]}" -gt 0 ] || fail "no set of --${name}_set is there: data/not_prepared.tsv says why"
done
mapfile -t eval_list < <(printf '%s\n' "${retrieval_list[@]}" "${verification_list[@]}" "${classification_list[@]}" \
    "${calibration_list[@]}" "${cohort_list[@]}" | sed '/^$/d' | sort -u)
train_dump="${dumpdir}/$(joined "${train_list[@]}")"
valid_dump="${dumpdir}/$(joined "${valid_list[@]}")"

if wanted 2; then
    begin_stage "2: feature dump"
    workers=(--nj "${nj}" --executor "${executor}")
    mapfile -t dump_list < <(printf '%s\n' "${train_list[@]}" "${valid_list[@]}" "${eval_list[@]}" | awk '!seen[$0]++')
    for set in "${dump_list[@]}"; do
        need "data/${set}/wav.scp" 1
        dump="${dumpdir}/${set}"
        # Nothing of an evaluation set is left out.
        audio_options=(--min_duration_s 0 --max_duration_s inf)
        if [[ " ${train_list[*]} ${valid_list[*]} " == *" ${set} "* ]]; then
            audio_options=(--min_duration_s "${min_duration_s}" --max_duration_s "${max_duration_s}")
        fi
        if [[ " ${train_list[*]} " == *" ${set} "* ]] && [ "${#speed_list[@]}" -gt 0 ]; then
            audio_options+=(--speed_perturb "${speed_list[@]}")
        fi
        inputs=()
        # Where stage 1 found other corpora, files of audio may have changed under their names.
        for file in "$(steps data prepare)" "data/${set}/"{wav.scp,segments,utt2*,text,text.*,trials/*}; do
            [ ! -f "${file}" ] || inputs+=("${file}")
        done
        step --label "${dump}: audio" --state "$(steps "${dump}" audio)" --ignore nj executor \
            --inputs "${inputs[@]}" --outputs "${dump}/wav.scp" \
            -- python -m espnet_ext.bin.dump_audio --data_dir "data/${set}" --dump_dir "${dump}" "${workers[@]}" \
            --audio_format "${audio_format}" "${audio_options[@]}"
        inputs=("${dump}/wav.scp")
        [ ! -f "${dump}/text" ] || inputs+=("${dump}/text")
        for attribute in "${text_attribute_list[@]}" "${speech_attribute_list[@]}"; do
            dump_targets "${dump}" "${attribute}" inputs
        done
        # A set's translations are candidates of its retrieval.
        for text in "${dump}/text."*; do
            [ -f "${text}" ] || continue
            inputs=("${text}")
            for attribute in "${text_attribute_list[@]}"; do
                dump_targets "${dump}" "${attribute}" inputs --text_lang "${text##*/text.}"
            done
        done
    done
    # The classes are those of the training set.
    for set in "${train_list[@]}"; do
        dump_labels "${set}"
    done
    combine "${train_dump}" "${train_list[@]}"
    for set in "${dump_list[@]}"; do
        [[ " ${train_list[*]} " == *" ${set} "* ]] || dump_labels "${set}" other
    done
    combine "${valid_dump}" "${valid_list[@]}"
    end_stage
fi

if wanted 3 || wanted 4; then
    encoder_dir="$(python -m espnet_ext.bin.fetch_encoder --encoder "${encoder}" | tail -n 1)"
fi

if wanted 3; then
    begin_stage "3: multi-task post-training"
    need "${train_dump}/wav.scp" 2
    need "${valid_dump}/wav.scp" 2
    for system in "${system_list[@]}"; do
        # What a phase starts from, and its files.
        start=(--encoder "${encoder_dir}")
        start_inputs=()
        trained="${system//+/ }"
        if [ -n "${add_attribute}" ]; then
            start=(--add_to "${init}")
            start_inputs=("${init}/model.safetensors" "${init}/model.json")
            trained="${add_attribute}"
        fi
        for phase in "${phase_list[@]}"; do
            config="${phase#*=}"
            out="$(system_dir "${system}")/${phase%%=*}"
            need "${config}" "of writing this config"
            input=(--input speech)
            # A frozen encoder says the same at every epoch: its layers are computed once, where that pays.
            if freezes_encoder "${config}" && { [ -z "${add_attribute}" ] || hears_all "${config}" "${train_dump}"; }; then
                name=layers
                encoder_files=("${encoder_dir}"/model*.safetensors)
                frame_average="$(config_value frame_average "${config}")"
                layers_of=(--encoder "${encoder_dir}" --frame_average "${frame_average:-1}")
                if [ -n "${add_attribute}" ]; then
                    name="layers_${init//[^a-zA-Z0-9+]/_}"
                    encoder_files=("${start_inputs[@]}")
                    layers_of=(--model "${init}")
                fi
                input=(--input layers --layers_name "${name}")
                autocast="$(config_value autocast "${config}")"
                for dump in "${train_dump}" "${valid_dump}"; do
                    step --label "${dump}: ${name}" --state "$(steps "${dump}" "${name}")" \
                        --inputs "${dump}/wav.scp" "${encoder_files[@]}" --outputs "${dump}/${name}/layers.scp" \
                        -- python -m espnet_ext.bin.dump_layers --dump_dir "${dump}" "${layers_of[@]}" \
                        --layers_name "${name}" --autocast "${autocast:-float32}" --device "${device}"
                done
            fi
            targets=()
            for attribute in ${trained}; do
                for dump in "${train_dump}" "${valid_dump}"; do
                    need "${dump}/target_${attribute}.scp" 2
                    targets+=("${dump}/target_${attribute}.scp")
                done
            done
            # shellcheck disable=SC2086 # a system's attributes are words
            step --label "${out}: training" --state "$(steps "${out%/*}" "${phase%%=*}")" --log "${out}.log" \
                --ignore ngpu batch_bins valid_batch_bins num_workers log_interval \
                --inputs "${config}" "${attributes}" "${train_dump}/wav.scp" "${targets[@]}" "${start_inputs[@]}" \
                --outputs "${out}" \
                -- "${train_cmd[@]}" --config "${config}" --output_dir "${out}" "${input[@]}" \
                --train_dump "${train_dump}" --valid_dump "${valid_dump}" \
                --attributes "${attributes}" --attribute_names ${trained} "${start[@]}" \
                --ngpu "${ngpu}" --seed "${seed}" "${train_arg_list[@]}"
            start=(--encoder "${encoder_dir}" --init_model "${out}")
            start_inputs=("${out}/model.safetensors")
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
        --ignore nj executor ngpu \
        --inputs "${inputs[@]}" "${encoder_dir}"/model*.safetensors --outputs "${expdir}/untrained/embeddings" \
        -- python -m espnet_ext.bin.extract --untrained "${encoder_dir}" --attributes "${attribute_list[@]}" \
        --dump_dirs "${dumps[@]}" --out "${expdir}/untrained/embeddings" --device "${device}" "${extract_workers[@]}"
    for entry in "${scored[@]}"; do
        out="${entry#*=}"
        model="${out%/embeddings}"
        system="${entry%%=*}"
        system="${system%%/*}"
        # shellcheck disable=SC2086 # a system's attributes are words
        step --label "${out}" --state "$(steps "${model%/*}" "${model##*/}_embeddings")" --ignore nj executor ngpu \
            --inputs "${inputs[@]}" "${model}/model.safetensors" "${model}/model.json" --outputs "${out}" \
            -- python -m espnet_ext.bin.extract --model "${model}" --attributes ${system//+/ } \
            --dump_dirs "${dumps[@]}" --out "${out}" --device "${device}" "${extract_workers[@]}"
    done
    end_stage
fi

results="${last_dir}/results"
if wanted 5; then
    begin_stage "5: scoring"
    # shellcheck disable=SC2086 # settings are words
    {
        mapfile -t pair_list < <(settings_of retrieval_pairs "${retrieval_list[*]}" ${retrieval_pairs})
        mapfile -t contaminated_list < <(settings_of contaminated "${verification_list[*]}" ${contaminated})
    }
    arguments=(--system "untrained=${expdir}/untrained/embeddings")
    inputs=("${attributes}")
    for entry in "${scored[@]}"; do
        arguments+=(--system "${entry}")
        for set in "${eval_list[@]}"; do
            for attribute in ${entry%%[=/]*}; do
                for part in ${attribute//+/ }; do
                    need "${entry#*=}/${set}/${part}.scp" 4
                    inputs+=("${entry#*=}/${set}/${part}.scp")
                    [ ! -f "${entry#*=}/${set}/${part}.logits.scp" ] || inputs+=("${entry#*=}/${set}/${part}.logits.scp")
                done
            done
        done
    done
    for set in "${eval_list[@]}"; do
        need "${dumpdir}/${set}/wav.scp" 2
        for file in "${dumpdir}/${set}/"{utt2*,target_*.scp,trials/*}; do
            [ ! -f "${file}" ] || inputs+=("${file}")
        done
    done
    step --label "${results}: scores" --state "$(steps "${last_dir}" results)" --inputs "${inputs[@]}" \
        --outputs "${results}/results.tsv" \
        -- python -m espnet_ext.bin.score --attributes "${attributes}" --dump_dir "${dumpdir}" --teacher \
        "${arguments[@]}" --retrieval_sets "${retrieval_list[@]}" --verification_sets "${verification_list[@]}" \
        --classification_sets "${classification_list[@]}" \
        --retrieval_pairs "${pair_list[@]}" ${cohort_list:+--cohort_set "${cohort_list[0]}"} \
        ${calibration_list:+--calibration_set "${calibration_list[0]}"} --contaminated "${contaminated_list[@]}" \
        --out "${results}/results.tsv" --seed "${seed}" --device "${device}"
    curves=()
    for phase in "${phase_list[@]}"; do
        curves+=("${last_dir}/${phase%%=*}/curves.tsv")
    done
    python -m espnet_ext.bin.report --results "${results}/results.tsv" --out_dir "${results}" \
        --markdown "${results}/RESULTS.md" --title "$(basename "${PWD}"), ${systems}" \
        ${published:+--published "${published}"} --layer_weights "${last_dir}/${final_phase}/layer_weights.json" --curves "${curves[@]}"
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
