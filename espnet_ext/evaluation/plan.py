"""Evaluation plan: rules of each attribute, sets of each rule, and linear probes of labels."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from espnet_ext.config.attributes import AttributeConfig, LabelTarget
from espnet_ext.utils.errors import UserError

# Rules that use an attribute's own classifier, and the kind of its labels. Other attributes are probed instead.
KIND_OF_RULE = {"classification": "class", "regression": "number"}
LANGUAGES = "utt2lang"
SPEAKERS = "utt2spk"


class Evaluation(NamedTuple):
    """Evaluate the embeddings of `attribute` by `rule`: a scoring rule, or a label file that is probed.

    `task` is the rule if it is the attribute's own. Otherwise it is `leakage`: a good head is strong under its own
    rule and near chance under the others. A probe of an attribute's own label is a `classification`.
    """

    attribute: str
    rule: str
    task: str


def plan_evaluations(attributes: Mapping[str, AttributeConfig]) -> list[Evaluation]:
    """Every attribute with every declared rule; classifiers only for their own attribute."""
    rules = sorted({rule for entry in attributes.values() for rule in entry.scoring})
    return [
        Evaluation(name, rule, rule if rule in entry.scoring else "leakage")
        for name, entry in attributes.items()
        for rule in rules
        if rule in entry.scoring or rule not in KIND_OF_RULE
    ]


def plan_probes(attributes: Mapping[str, AttributeConfig], labels: Sequence[str]) -> list[Evaluation]:
    """A linear probe of every label file for every attribute.

    A label is an attribute's own if the attribute is trained on it, or if the attribute verifies speakers and the
    label is the speaker.
    """
    evaluations = []
    for name, entry in attributes.items():
        for label in labels:
            is_own = entry.target.labels == label or (label == SPEAKERS and "verification" in entry.scoring)
            evaluations.append(Evaluation(name, label, "classification" if is_own else "leakage"))
    return evaluations


def labeled_targets(attributes: Mapping[str, AttributeConfig]) -> dict[str, LabelTarget]:
    """Attribute -> its target, of attributes with the rule `classification` or `regression`.

    Raises:
        UserError: the target has no labels, or labels of another kind.
    """
    targets = {}
    for name, entry in attributes.items():
        for rule, kind in KIND_OF_RULE.items():
            if rule in entry.scoring:
                if not entry.target.labels or entry.target.kind != kind:
                    raise UserError(f"{name}: `scoring: [{rule}]` needs `target: {{labels: ..., kind: {kind}}}`")
                targets[name] = entry.target
    return targets


def default_probe_labels(attributes: Mapping[str, AttributeConfig]) -> list[str]:
    """Label files that are probed by default: languages, and classes that attributes are trained on."""
    targets = [entry.target for entry in attributes.values()]
    return list(dict.fromkeys([LANGUAGES, *(one.labels for one in targets if one.labels and one.kind == "class")]))


def print_problems(problems: Iterable[str | None], required: bool) -> None:
    """Print the problems of sets.

    Raises:
        UserError: all sets have a problem, and at least one without was `required`.
    """
    problems = list(problems)
    messages = [problem for problem in problems if problem]
    if required and len(messages) == len(problems):
        raise UserError("; ".join(messages))
    for message in messages:
        print(f"{message}; not scored here")
