"""The model: one speech encoder, one head and one set of objectives for each attribute."""
