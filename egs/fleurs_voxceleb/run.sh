#!/usr/bin/env bash
# The recipe of the paper: semantic and speaker embeddings from w2v-BERT 2.0, trained on FLEURS and VoxCeleb2. Options:
# ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

./utt.sh \
    --ngpu auto \
    --nj 16 \
    --train_set "fleurs_train voxceleb2_train" \
    --valid_set "fleurs_dev voxceleb2_valid" \
    --retrieval_sets "fleurs_test voxpopuli_s2s mtedx_test" \
    --retrieval_pairs "fleurs_test=X-eng voxpopuli_s2s=fra-eng mtedx_test=ita-eng" \
    --verification_sets "voxceleb1_o" \
    --calibration_set voxceleb2_valid \
    --cohort_set voxceleb2_cohort \
    --contaminated "voxceleb1_eh" \
    --max_duration_s 30 \
    --systems "sem spk sem+spk" \
    --attributes conf/attributes.yaml \
    --encoder facebook/w2v-bert-2.0 \
    --phases "joint=conf/train.yaml" \
    --published conf/published.yaml \
    "$@"
