"""Search in the embeddings of many recordings, by several attributes at once."""
