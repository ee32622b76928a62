"""Dump directories: 16 kHz audio archives, targets and cached layers."""
