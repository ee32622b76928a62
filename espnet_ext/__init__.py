"""Utterance embeddings from one shared speech encoder, as an extension of ESPnet."""

__version__ = "0.1.0"
