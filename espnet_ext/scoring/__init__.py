"""Figures from arrays: retrieval, verification, leakage, intervals. No files."""
