"""Scores computed from arrays: retrieval, verification, label predictions, linear probes. No file access."""
