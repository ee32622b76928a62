"""Attribute leakage: the same scores taken across heads.

A good head is strong under its own rule and near chance under the others: the speaker EER of
the semantic embedding and the R@1 of the speaker embedding say what each should not know.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

# Rules that ask a head's own classifier: across heads, linear probes ask instead.
OWN_RULES = ("classification", "regression")
SPEAKER_LABELS = "utt2spk"


class Evaluation(NamedTuple):
    """Score the embeddings of `attribute` by `rule`; `task` is the rule, or `leakage` across heads."""

    attribute: str
    rule: str
    task: str


def plan_evaluations(scoring: Mapping[str, Sequence[str]]) -> list[Evaluation]:
    """Every attribute under every rule that any attribute declares, but its own classifier only under its own.

    Args:
        scoring: attribute -> the rules that are its own (`retrieval`, `verification` ...).
    """
    rules = sorted({rule for own in scoring.values() for rule in own})
    return [
        Evaluation(attribute, rule, rule if rule in own else "leakage")
        for attribute, own in scoring.items()
        for rule in rules
        if rule in own or rule not in OWN_RULES
    ]


def plan_probes(
    scoring: Mapping[str, Sequence[str]], labels_of: Mapping[str, str | None], labels: Sequence[str]
) -> list[Evaluation]:
    """A linear probe of every label for every attribute; the rule is the file of labels.

    A label is an attribute's own (task `classification`) if it is trained on it, or verifies speakers
    and the label is the speaker.

    Args:
        scoring: attribute -> its rules.
        labels_of: attribute -> the file of labels that it is trained on, None for a teacher's.
        labels: files to probe, such as `utt2lang`.
    """
    return [
        Evaluation(attribute, label, "classification" if is_own else "leakage")
        for attribute, rules in scoring.items()
        for label in labels
        for is_own in [labels_of[attribute] == label or (label == SPEAKER_LABELS and "verification" in rules)]
    ]
