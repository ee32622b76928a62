"""Kaldi data directories: scp files, segments, trials, archives, validation and split checks."""

# What an evaluation set may share with the training set if the recipe allows it. Audio is never shared.
SHAREABLE = ("speaker", "sentence", "text")
