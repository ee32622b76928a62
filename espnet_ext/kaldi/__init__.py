"""Kaldi data directories: scp files, segments, trials, archives, validation and split checks."""
