"""Figures from arrays: retrieval, verification, leakage, intervals. No files; torch only in `torch_products`, for a GPU."""
