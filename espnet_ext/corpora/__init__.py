"""One parser per corpus: from its files on disk to utterances of a data directory."""
