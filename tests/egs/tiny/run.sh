#!/usr/bin/env bash
# A recipe small enough for a test: real speech of two languages, real models, a few steps of training.
set -euo pipefail
cd "$(dirname "$0")"

./utt.sh \
    --train_set train \
    --valid_set dev \
    --retrieval_sets test_sent \
    --verification_sets test_spk \
    --systems "sem+spk" \
    --speed_perturb "0.9" \
    --attributes conf/attributes.yaml \
    --encoder whisper-base \
    --phases "heads=conf/train_heads.yaml finetune=conf/train_finetune.yaml" \
    --add_config conf/train_heads.yaml \
    "$@"
