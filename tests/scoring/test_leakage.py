"""Every head is scored by every rule, and only its own counts as its task."""

from espnet_ext.scoring.leakage import Evaluation, plan_evaluations, plan_probes


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


def test_a_classifier_is_asked_of_its_own_attribute_only() -> None:
    assert plan_evaluations({"lang": ["classification"], "spk": ["verification"]}) == [
        Evaluation("lang", "classification", "classification"),
        Evaluation("lang", "verification", "leakage"),
        Evaluation("spk", "verification", "verification"),
    ]


def test_a_probe_of_what_a_head_is_trained_on_is_no_leakage() -> None:
    scoring = {"sem": ["retrieval"], "spk": ["verification"], "lang": ["classification"]}
    labels_of = {"sem": None, "spk": None, "lang": "utt2lang"}
    plan = plan_probes(scoring, labels_of, ["utt2lang", "utt2spk"])
    assert len(plan) == 6
    assert {(one.attribute, one.rule) for one in plan if one.task == "classification"} == {
        ("lang", "utt2lang"),
        ("spk", "utt2spk"),
    }
