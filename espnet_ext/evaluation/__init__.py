"""Evaluation of systems: embeddings on disk -> results.tsv."""
