"""Attribute leakage: the same scores taken across heads.

A good head is strong under its own rule and near chance under the others: the speaker EER of
the semantic embedding and the R@1 of the speaker embedding say what each should not know.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Evaluation(NamedTuple):
    """Score the embeddings of `attribute` by `rule`; `task` is the rule, or `leakage` across heads."""

    attribute: str
    rule: str
    task: str


def plan_evaluations(scoring: Mapping[str, Sequence[str]]) -> list[Evaluation]:
    """Every attribute under every rule that any attribute declares.

    Args:
        scoring: attribute -> the rules that are its own (`retrieval`, `verification`).
    """
    rules = sorted({rule for own in scoring.values() for rule in own})
    return [
        Evaluation(attribute, rule, rule if rule in own else "leakage")
        for attribute, own in scoring.items()
        for rule in rules
    ]
