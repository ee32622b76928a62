"""Additions to ESPnet's trainer: readers, samplers, checkpoints that survive a crash, cached layers."""
