"""Strict readers of the recipe's YAML files."""
