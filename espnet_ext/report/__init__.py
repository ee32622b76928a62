"""From embeddings on disk to results.tsv, and from results.tsv to tables and plots."""
