#!/usr/bin/env bash
# Emotion from acted speech: CREMA-D, RAVDESS, IEMOCAP; folds that no speaker is in two of. Options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

./utt.sh \
    --train_set train \
    --valid_set dev \
    --classification_sets "test" \
    --max_duration_s 20 \
    --systems "emotion" \
    --attributes conf/attributes.yaml \
    --encoder whisper-base \
    --phases "heads=conf/train_heads.yaml finetune=conf/train_finetune.yaml" \
    --add_config conf/train_heads.yaml \
    "$@"
