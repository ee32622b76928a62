"""Parsers of public corpora, one file or folder for each: files on disk to utterances."""
