"""Markdown tables and plots of results.tsv."""
