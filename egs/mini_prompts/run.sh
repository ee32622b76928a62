#!/usr/bin/env bash
# Semantic and speaker embeddings of telephone prompts in five languages. Options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

./utt.sh \
    --train_set train \
    --valid_set dev \
    --retrieval_sets test_sent \
    --verification_sets test_spk \
    --classification_sets "test_sent test_spk" \
    --systems "sem+spk" \
    --speed_perturb "1.1" \
    --attributes conf/attributes.yaml \
    --encoder whisper-base \
    --phases "heads=conf/train_heads.yaml finetune=conf/train_finetune.yaml" \
    --add_config conf/train_add.yaml \
    "$@"
