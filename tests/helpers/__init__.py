"""Corpora, models, recipes and servers that several tests share."""
