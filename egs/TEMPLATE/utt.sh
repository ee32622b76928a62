#!/usr/bin/env bash
# THE stage script of all recipes: from corpora to tables. A recipe's run.sh only passes options to it; what the stages do
# stands in stages/.
set -euo pipefail
# shellcheck source=tools/require_bash.sh
. "$(dirname "$(readlink -f "$0")")/../../tools/require_bash.sh"

# >>> options
# General
stage=1                 # first stage to run: 1 data, 2 dump, 3 training, 4 embeddings, 5 scores, 6 packing, 7 upload
stop_stage=7            # last stage to run
quick=false             # true: a tenth of the data and of the training steps, in folders of their own, for a first look
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
overwrite=false         # true: replace trainings whose inputs changed; otherwise such a training stops with an error
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
add_config=             # its training config, with freeze_blocks: -1
train_args=             # further options of training, e.g. "--max_epoch 5"
# Upload
upload_to=              # hub id (owner/model) for stage 7; without it nothing is uploaded
# <<< options

template="$(dirname "$(readlink -f "$0")")"
# shellcheck source-path=SCRIPTDIR
. "${template}/parse_options.sh"

for name in quick overwrite; do
    [[ "${!name}" =~ ^(true|false)$ ]] || fail "--${name} must be true or false, not '${!name}'"
done
fraction=1
quick_note=  # in the first line of the tables
if [ "${quick}" = true ]; then
    fraction=0.1
    quick_note=": QUICK LOOK, a tenth of the data (at least 50 utterances of each set) and of the training steps, one speed"
    speed_perturb=
    dumpdir="${dumpdir%/}_quick"
    expdir="${expdir%/}_quick"
    [ -z "${upload_to}" ] || fail "--upload_to: a model of --quick is not for others; run without --quick"
fi
for name in stage stop_stage nj num_nodes seed; do
    [[ "${!name}" =~ ^[0-9]+$ ]] || fail "--${name} must be a whole number, not '${!name}'"
done
[[ "${ngpu}" =~ ^([0-9]+|auto)$ ]] || fail "--ngpu must be a whole number or auto, not '${ngpu}'"
[[ "${tag}" =~ ^[A-Za-z0-9_.+-]*$ ]] || fail "--tag: only letters, digits and '_.+-' are possible, not '${tag}'"
[ "${stage}" -le "${stop_stage}" ] || fail "--stage ${stage} comes after --stop_stage ${stop_stage}"
for name in train_set valid_set phases systems; do
    [ -n "${!name}" ] || fail "--${name} is empty; a recipe's run.sh sets it"
done
[ -z "${teacher_dir}" ] || [ -d "${teacher_dir}" ] || fail "--teacher_dir ${teacher_dir}: no such folder"
[ -z "${init}" ] || [ -n "${add_attribute}" ] || fail "--init ${init} is only used with --add_attribute; give both or none"

# shellcheck source-path=SCRIPTDIR
{
    . ./path.sh
    . ./cmd.sh
    . "${template}/steps.sh"
    . "${template}/stages/1_data.sh"
    . "${template}/stages/2_dump.sh"
    . "${template}/stages/3_train.sh"
    . "${template}/stages/4_embed.sh"
    . "${template}/stages/5_score.sh"
    . "${template}/stages/6_pack.sh"
}

check_gpus
# Results are identical only with the same number.
echo "Threads of a process: $(nproc)"
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

words system_list "${systems}"
words phase_list "${phases}"
words train_arg_list "${train_args}"
words speed_list "${speed_perturb}"
if [ -n "${add_attribute}" ]; then
    [ -n "${add_config}" ] || fail "--add_attribute needs --add_config, a training config with freeze_blocks: -1"
    [ -e "${init}/model.json" ] || fail "--add_attribute needs --init, the folder of a trained model; '${init}' has no model.json"
    known="$(python -c 'import json, sys; print("+".join(json.load(open(sys.argv[1]))["attributes"]))' "${init}/model.json")"
    systems="${known}+${add_attribute}"
    system_list=("${systems}")
    phase_list=("added=${add_config}")
fi
for phase in "${phase_list[@]}"; do
    [[ "${phase}" =~ ^[A-Za-z0-9_.-]+=.+$ ]] || fail "--phases: '${phase}' is not NAME=CONFIG"
    [ -f "${phase#*=}" ] || fail "${phase#*=}: no such training config"
done
phase_names=("${phase_list[@]%%=*}")
# Phases and other outputs of a system share a folder.
for name in "${phase_names[@]}"; do
    [[ ! "${name}" =~ ^(\..*|results|report|packed|.*_embeddings)$ ]] || fail "--phases: '${name}' cannot be the name of a phase"
done
twice="$(printf '%s\n' "${phase_names[@]}" | sort | uniq -d | head -n 1)"
[ -z "${twice}" ] || fail "--phases: two phases have the name '${twice}'; rename one"
last_dir="$(system_dir "${system_list[-1]}")"

# All of the configuration is checked here, before stage 1.
mapfile -t needed_file_list < <(python -m espnet_ext.bin.list_attributes "${attributes}" "${system_list[@]}" \
    --configs "${phase_list[@]#*=}" --train_args="${train_args}" --checked "$(state "${expdir}" config)" \
    ${add_attribute:+--add_to "${init}" --added "${add_attribute}"})
[ "${#needed_file_list[@]}" -gt 0 ] || exit 1
attribute_list=("${needed_file_list[@]% *}")  # "NAME SOURCE" of "NAME SOURCE FILE,FILE"
# Those whose targets follow from text, speech or labels.
attributes_from() { printf '%s\n' "${attribute_list[@]}" | sed -n "s/ $1\$//p"; }
mapfile -t text_attribute_list < <(attributes_from text)
mapfile -t speech_attribute_list < <(attributes_from speech)
mapfile -t label_attribute_list < <(attributes_from labels)
attribute_list=("${attribute_list[@]%% *}")

summary=()
run_stage 1 "data preparation" prepare_data
list_sets
run_stage 2 "feature dump" dump_sets
run_stage 3 "multi-task post-training" train_systems
run_stage 4 "embedding extraction" embed_sets
run_stage 5 "scoring" score_systems
run_stage 6 "packing" pack_models
run_stage 7 "upload" upload_model
printf '\nTime\n'
printf '%s\n' "${summary[@]}" "$(printf '%5d s  in all' "${SECONDS}")"
