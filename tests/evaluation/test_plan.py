"""Rules and probes of each attribute; rules of other attributes measure leakage."""

import pytest

from espnet_ext.config.attributes import AttributeConfig, parse_attributes
from espnet_ext.evaluation.plan import Evaluation, plan_evaluations, plan_probes


@pytest.fixture
def attributes(attributes_block: dict) -> dict[str, AttributeConfig]:
    """sem (retrieval), spk (verification), lang (classification) and an attribute without rules."""
    lang = {"target": {"labels": "utt2lang"}, "head": {"hidden_dim": 8, "dim": 4}, "objective": {"name": "softmax"}}
    block = {
        "sem": attributes_block["sem"] | {"scoring": ["retrieval"]},
        "spk": attributes_block["spk"] | {"scoring": ["verification"]},
        "lang": lang | {"scoring": ["classification"]},
        "other": attributes_block["sem"] | {"scoring": []},
    }
    return parse_attributes(block, "test")


def select(attributes: dict[str, AttributeConfig], *names: str) -> dict[str, AttributeConfig]:
    return {name: attributes[name] for name in names}


def test_each_attribute_is_scored_by_the_rules_of_the_others_as_leakage(attributes: dict) -> None:
    assert plan_evaluations(select(attributes, "sem", "spk")) == [
        Evaluation("sem", "retrieval", "retrieval"),
        Evaluation("sem", "verification", "leakage"),
        Evaluation("spk", "retrieval", "leakage"),
        Evaluation("spk", "verification", "verification"),
    ]


def test_undeclared_rules_are_not_used(attributes: dict) -> None:
    assert plan_evaluations(select(attributes, "sem", "other")) == [
        Evaluation("sem", "retrieval", "retrieval"),
        Evaluation("other", "retrieval", "leakage"),
    ]


def test_a_classifier_is_scored_only_for_its_own_attribute(attributes: dict) -> None:
    assert plan_evaluations(select(attributes, "lang", "spk")) == [
        Evaluation("lang", "classification", "classification"),
        Evaluation("lang", "verification", "leakage"),
        Evaluation("spk", "verification", "verification"),
    ]


def test_a_probe_of_the_label_that_a_head_is_trained_on_is_not_leakage(attributes: dict) -> None:
    plan = plan_probes(select(attributes, "sem", "spk", "lang"), ["utt2lang", "utt2spk"])
    assert len(plan) == 6
    assert {(one.attribute, one.rule) for one in plan if one.task == "classification"} == {
        ("lang", "utt2lang"),
        ("spk", "utt2spk"),
    }
