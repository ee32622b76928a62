"""Every head is scored by every rule, and only its own counts as its task."""

from espnet_ext.scoring.leakage import Evaluation, plan_evaluations


def test_each_attribute_is_scored_by_the_rules_of_the_others_as_leakage() -> None:
    plan = plan_evaluations({"sem": ["retrieval"], "spk": ["verification"]})
    assert plan == [
        Evaluation("sem", "retrieval", "retrieval"),
        Evaluation("sem", "verification", "leakage"),
        Evaluation("spk", "retrieval", "leakage"),
        Evaluation("spk", "verification", "verification"),
    ]


def test_a_rule_nobody_declares_is_not_taken() -> None:
    assert plan_evaluations({"sem": ["retrieval"], "other": []}) == [
        Evaluation("sem", "retrieval", "retrieval"),
        Evaluation("other", "retrieval", "leakage"),
    ]
