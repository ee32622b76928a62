"""The evaluation fixture of tests/evaluation, for commands that read results of scoring."""

from tests.evaluation.conftest import world

__all__ = ["world"]
