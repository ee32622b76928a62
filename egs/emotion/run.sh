#!/usr/bin/env bash
# Emotions of acted speech: CREMA-D, RAVDESS, IEMOCAP, in speaker-independent folds. Options: ./run.sh --help
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
