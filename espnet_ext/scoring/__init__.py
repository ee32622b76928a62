"""Figures from arrays: retrieval, verification, leakage, intervals. No files; torch in `torch_products` alone."""
