"""Score every system by every rule on every set that the rule applies to."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from espnet_ext.config.attributes import AttributeConfig, load_attributes
from espnet_ext.evaluation.label_set import LabelSet
from espnet_ext.evaluation.plan import (
    KIND_OF_RULE,
    Evaluation,
    default_probe_labels,
    labeled_targets,
    plan_evaluations,
    plan_probes,
    print_problems,
)
from espnet_ext.evaluation.probe_set import ProbeSet
from espnet_ext.evaluation.results import TEACHER, ResultRow
from espnet_ext.evaluation.retrieval_set import RetrievalSet
from espnet_ext.evaluation.systems import System, TeacherSystem, parse_system
from espnet_ext.evaluation.trial_set import read_trial_set
from espnet_ext.evaluation.verification_set import CohortSet, VerificationSet
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.validate import check_dump
from espnet_ext.scoring.bootstrap import Bootstrap
from espnet_ext.scoring.protocols import EVERY, parse_pairs
from espnet_ext.scoring.ranks import Products
from espnet_ext.teachers.runtime import Runtime
from espnet_ext.utils.errors import UserError

EvaluationSet = RetrievalSet | VerificationSet | LabelSet | ProbeSet


@dataclass(frozen=True)
class ScoringRun:
    """Options of the command `score`.

    Args:
        attributes: attributes file, which declares the rules.
        systems: see `parse_system`; with `teacher`, the targets are scored as well.
        retrieval_pairs: see `parse_pairs`; by default all directions are scored.
        cohort_set, calibration_set, contaminated: see `VerificationSet`.
        classification_sets: sets whose labels are scored, by attributes' own classifiers and by probes.
        probe_labels: label files to probe; see `default_probe_labels` for the default.
        scores_dir: folder for scores of trials and for confusions.
        bootstrap, seed: see `Bootstrap`.
        device: device for retrieval.
    """

    attributes: Path
    dump_dir: Path
    systems: Sequence[str]
    teacher: bool
    retrieval_sets: Sequence[str]
    retrieval_pairs: Sequence[str]
    verification_sets: Sequence[str]
    cohort_set: str | None
    calibration_set: str | None
    contaminated: Sequence[str]
    classification_sets: Sequence[str]
    probe_labels: Sequence[str]
    scores_dir: Path
    bootstrap: int
    seed: int
    device: str

    @cached_property
    def _declared(self) -> dict[str, AttributeConfig]:
        return load_attributes(self.attributes)

    @cached_property
    def _bootstrap(self) -> Bootstrap:
        return Bootstrap(self.bootstrap, self.seed)

    def score(self) -> list[ResultRow]:
        """All scores, in the order of systems, attributes, rules and sets.

        Raises:
            UserError: nothing to score, two systems with the same name, or invalid input of a set.
        """
        teachers = [TeacherSystem(TEACHER, self.dump_dir)] if self.teacher else []
        systems = [*teachers, *map(parse_system, self.systems)]
        self._check_options([system.name for system in systems])
        if self.verification_sets and not self.calibration_set:
            print("no --calibration_set: actDCF and Cllr are not scored")
        set_names = [*self.retrieval_sets, *self.verification_sets, *self.classification_sets]
        for name in dict.fromkeys([*set_names, *filter(None, (self.cohort_set, self.calibration_set))]):
            check_dump(self.dump_dir / name)
        own = {system.name: system.attributes(self._declared, set_names) for system in systems}
        # Labels of an attribute that no system has are not required.
        used = {name: entry for name, entry in self._declared.items() if any(name in names for names in own.values())}
        labels = list(dict.fromkeys(self.probe_labels))
        if self.classification_sets and not labels:
            labels = default_probe_labels(used)
        sets = self._sets() | self._label_sets(used) | self._probe_sets(labels)
        evaluations = plan_evaluations(self._declared) + plan_probes(used, labels)
        rows: list[ResultRow] = []
        for system in systems:
            start = time.monotonic()
            for evaluation in evaluations:
                if evaluation.attribute in own[system.name]:
                    for one in sets[evaluation.rule]:
                        rows += _score(system, evaluation, one)
            print(f"{system.name}: scored in {time.monotonic() - start:.1f} s", flush=True)
        if not rows:
            raise UserError("nothing was scored; give --system or --teacher, and the sets to score them on")
        return rows

    def _check_options(self, names: Sequence[str]) -> None:
        for name in names:
            if names.count(name) > 1:
                raise UserError(f"two systems are named {name}; name each differently")
        for name in sorted(parse_pairs(self.retrieval_pairs).keys() - set(self.retrieval_sets)):
            raise UserError(f"--retrieval_pairs {name}=...: {name} is not one of the retrieval sets")
        for name in self.contaminated:
            set_name, _, trials = name.partition("/")
            if set_name not in self.verification_sets:
                raise UserError(f"--contaminated {name}: {set_name} is not one of the verification sets")
            if trials and trials not in DataDir(self.dump_dir / set_name).trials():
                raise UserError(f"--contaminated {name}: there is no {self.dump_dir / set_name}/trials/{trials}")
        if self.probe_labels and not self.classification_sets:
            raise UserError("--probe_labels: give the sets to probe as --classification_sets")

    def _sets(self) -> dict[str, list[EvaluationSet]]:
        """Rule -> its sets, for retrieval and verification."""
        texts = [name for name, entry in self._declared.items() if entry.target.source == "text"]
        pairs, products = parse_pairs(self.retrieval_pairs), Products.on(Runtime(self.device).torch_device())
        retrieval = [
            RetrievalSet(self.dump_dir / name, texts, self._bootstrap, pairs.get(name, (EVERY,)), products)
            for name in self.retrieval_sets
        ]
        cohort = CohortSet(self.dump_dir / self.cohort_set) if self.cohort_set else None
        development = read_trial_set(self.dump_dir / self.calibration_set) if self.calibration_set else None
        options = self.scores_dir, self._bootstrap, cohort, development, self.contaminated
        verification = [VerificationSet(self.dump_dir / name, *options) for name in self.verification_sets]
        return {"retrieval": [*retrieval], "verification": [*verification]}

    def _label_sets(self, used: Mapping[str, AttributeConfig]) -> dict[str, list[EvaluationSet]]:
        """Rule -> its sets, for attributes' own classifiers.

        Raises:
            UserError: an attribute's rule does not fit its target, or no set has two different labels.
        """
        targets = labeled_targets(used)
        if targets and not self.classification_sets:
            print(f"no --classification_sets: the labels of {', '.join(targets)} are not scored")
        names = self.classification_sets
        sets = [LabelSet(self.dump_dir / name, targets, self.scores_dir, self._bootstrap) for name in names]
        for attribute in targets if sets else ():
            print_problems([one.problem(attribute) for one in sets], required=True)
        return {rule: [*sets] for rule in KIND_OF_RULE}

    def _probe_sets(self, labels: Sequence[str]) -> dict[str, list[EvaluationSet]]:
        """Label file -> the sets on which it is probed.

        Raises:
            UserError: a label of the option --probe_labels is in no set, or can be probed in no set.
        """
        probed: dict[str, list[EvaluationSet]] = {}
        for label in labels:
            sets = [ProbeSet(self.dump_dir / name, label, self._bootstrap) for name in self.classification_sets]
            sets = [one for one in sets if (one.dump / label).is_file()]
            if self.probe_labels and not sets:
                names = ", ".join(self.classification_sets)
                raise UserError(f"--probe_labels {label}: none of the sets {names} has this file")
            print_problems([one.problem for one in sets], required=bool(self.probe_labels))
            probed[label] = [one for one in sets if not one.problem]
        return probed


def _score(system: System, evaluation: Evaluation, one: EvaluationSet) -> list[ResultRow]:
    """Score one set; errors name the system, the attribute and the set."""
    attribute, set_name = evaluation.attribute, one.dump.name
    try:
        scores = list(one.score(system, evaluation))
    except UserError as error:
        raise UserError(f"{system.name}, {attribute}, {set_name}: {error}") from None
    return [ResultRow(system.name, attribute, evaluation.task, set_name, score) for score in scores]
