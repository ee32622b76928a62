#!/usr/bin/env bash
# The stages of all recipes, from corpora to tables. A recipe's run.sh passes options to this script. README.md describes the
# options and the stages.
set -euo pipefail
# shellcheck source=tools/require_bash.sh
. "$(dirname "$(readlink -f "$0")")/../../tools/require_bash.sh"

# >>> options
# General
stage=1                 # first stage to run: 1 data, 2 dump, 3 training, 4 embeddings, 5 scores, 6 packing, 7 upload
stop_stage=7            # last stage to run
skip_stages=            # stages to skip, e.g. "2 4"
skip_data_prep=false    # true: skip stages 1 and 2
skip_train=false        # true: skip stage 3
skip_eval=false         # true: skip stages 4 and 5
skip_packing=false      # true: skip stage 6
skip_upload_hf=false    # true: skip stage 7, which uploads nothing without --upload_to
quick=false             # true: use a tenth of the data and of the training steps, in separate folders
systems=                # systems to train and compare, attributes joined by +, e.g. "sem spk sem+spk"
nj=2                    # parallel jobs of data preparation and dump, or workers of a cluster
executor=local          # where they run: local, slurm, or the address of a Dask scheduler (tcp://host:port)
num_nodes=1             # machines used for training, see cmd.sh
ngpu=0                  # GPUs of each machine, for targets, training and extraction; 0 = CPU, auto = all
seed=0                  # random seed of training and of the bootstrap intervals
cache_dir=              # folder of downloads, shared by clones; default $XDG_CACHE_HOME/espnet_ext or ~/.cache/espnet_ext
dumpdir=dump            # folder of the outputs of stage 2
expdir=exp              # folder of the outputs of stages 3 to 6
tag=                    # suffix of the names of the experiments, to keep variants apart
overwrite=false         # true: replace trainings whose inputs changed; false: stop with an error
# Data
train_set=              # sets in data/ and the dump directory, "a b" for two
valid_set=              # sets of the validation loss
retrieval_sets=         # sets scored by retrieval
retrieval_pairs=        # directions of retrieval, e.g. "fleurs_test=X-eng mtedx_test=ita-eng"; default all
classification_sets=    # sets scored by classification and regression
verification_sets=      # sets scored by speaker verification
cohort_set=             # set of the cohort speakers of AS-norm; without it, scores are not normalized
calibration_set=        # set whose trials calibrate the scores for actDCF and Cllr; without it, both are omitted
contaminated=           # verification sets (SET or SET/TRIALS) that a teacher was trained on; marked in the tables
published=              # YAML file of published results, shown next to ours
speed_perturb=          # speeds of additional copies of the training set, e.g. "0.9 1.1"; 1.0 is always included
min_duration_s=0.4      # shortest utterance of the training and validation sets; others are excluded and listed
max_duration_s=10       # longest utterance of the training and validation sets
audio_format=wav        # format of the dumped audio: wav (faster) or flac (three fifths of the size)
# Model
attributes=conf/attributes.yaml  # file that declares the attributes: targets, heads, objectives, scoring
teacher_dir=            # folder of the teacher models, for machines without access to a hub
encoder=whisper-base    # pretrained encoder: name of a packaged model, folder, or hub id (owner/model)
phases=                 # training phases, "NAME=CONFIG ..."; each starts from the model of the previous one
add_attribute=          # train only the head of this attribute, on the model of --init, which does not change
init=                   # folder of the model that --add_attribute extends, e.g. exp/utt_sem+spk/finetune
add_config=             # training config of --add_attribute, with freeze_blocks: -1
train_args=             # additional training options, e.g. "--max_epoch 5"
# Upload
upload_to=              # hub id (owner/model) for stage 7; without it, nothing is uploaded
# <<< options

# Other names of options: those of ESPnet's recipes.
declare -A aliases=(
    [hf_repo]=upload_to
    [utt_tag]=tag
    [utt_args]=train_args
    [min_wav_duration]=min_duration_s
    [max_wav_duration]=max_duration_s
    [speed_perturb_factors]=speed_perturb
)

template="$(dirname "$(readlink -f "$0")")"
# shellcheck source-path=SCRIPTDIR
{
    . "${template}/parse_options.sh"
    . "${template}/check_options.sh"
    . "${template}/steps.sh"
    . "${template}/stages/1_data.sh"
    . "${template}/stages/2_dump.sh"
    . "${template}/stages/3_train.sh"
    . "${template}/stages/4_embed.sh"
    . "${template}/stages/5_score.sh"
    . "${template}/stages/6_pack.sh"
}
declarations="$(option_lines "$(readlink -f "$0")")"
data_options=()  # names of the options of stage 1
db_roots=()
if [ -e local/options.sh ]; then
    # shellcheck disable=SC1091 # part of the recipe
    . local/options.sh
    data_declarations="$(data_option_lines "${template%/egs/TEMPLATE}")" || fail "local/data.sh does not list its options"
    # shellcheck disable=SC1091 # sets the defaults
    . /dev/stdin <<<"${data_declarations}"
    mapfile -t data_options < <(option_names "${data_declarations}")
    declarations+=$'\n'"${data_declarations}"
fi
parse_options "${declarations}" "$@"
check_options
set_skipped_stages
set_fraction
set_speeds
# shellcheck source-path=SCRIPTDIR
{
    . ./path.sh
    . ./cmd.sh
}
check_gpus
# Results are identical only with the same number.
echo "Threads of a process: $(nproc)"
# Where all commands store their downloads.
[ -z "${cache_dir}" ] || export ESPNET_EXT_CACHE="${cache_dir}"
set_systems_and_phases
last_dir="$(system_dir "${system_list[-1]}")"

# Options of several commands.
words train_arg_list "${train_args}"
workers=(--nj "${nj}" --executor "${executor}")
device=cpu
target_device=(--device cpu)
extract_workers=(--ngpu "${ngpu}")
if [ "${ngpu}" -gt 0 ]; then
    device=cuda
    target_device=()  # all GPUs
fi
[ "${executor}" = local ] || extract_workers=("${workers[@]}")

# The whole configuration is checked before stage 1. A line is "ATTRIBUTE SOURCE FILE,FILE".
mapfile -t needed_file_list < <(python -m espnet_ext.bin.list_attributes "${attributes}" "${system_list[@]}" \
    --configs "${phase_list[@]#*=}" --train_args="${train_args}" --checked "$(state "${expdir}" config)" \
    ${add_attribute:+--add_to "${init}" --added "${add_attribute}"})
[ "${#needed_file_list[@]}" -gt 0 ] || exit 1
attribute_list=("${needed_file_list[@]%% *}")
# attributes_from SOURCE: print the attributes whose targets are made from text, speech or labels.
attributes_from() { printf '%s\n' "${needed_file_list[@]}" | sed -n "s/ $1 .*\$//p"; }
mapfile -t text_attribute_list < <(attributes_from text)
mapfile -t speech_attribute_list < <(attributes_from speech)
mapfile -t label_attribute_list < <(attributes_from labels)

[ "${#skip_list[@]}" -eq 0 ] || log "Skipped stages: ${skip_list[*]}"
summary=()  # a line for each stage that ran
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
