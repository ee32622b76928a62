"""The model: one speech encoder, and a head and objectives for each attribute."""
