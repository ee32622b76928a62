"""The evaluation fixture of tests/evaluation, for commands that read what scoring wrote."""

from tests.evaluation.conftest import world

__all__ = ["world"]
