"""Packed models, and the cache of downloaded archives."""
