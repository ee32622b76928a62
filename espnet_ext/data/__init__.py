"""Data directories, audio and targets on disk; no torch modules."""
