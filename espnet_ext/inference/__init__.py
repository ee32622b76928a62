"""Embeddings of any audio from a trained model: `UttEncoder`, extraction, predictions."""
