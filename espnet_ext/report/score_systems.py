"""Score every system by every rule on every set that the rule applies to."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from espnet_ext.config.attributes import AttributeConfig
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.validate import check_dump
from espnet_ext.report.label_rules import LabelRules
from espnet_ext.report.label_set import LabelSet
from espnet_ext.report.probe_set import ProbeSet
from espnet_ext.report.results import ResultRow
from espnet_ext.report.retrieval_set import RetrievalSet
from espnet_ext.report.systems import System
from espnet_ext.report.trial_scores import CohortSet
from espnet_ext.report.trial_set import read_trial_set
from espnet_ext.report.verification_set import VerificationSet
from espnet_ext.scoring.bootstrap import Bootstrap
from espnet_ext.scoring.directions import EVERY, Pattern
from espnet_ext.scoring.leakage import Evaluation, plan_evaluations
from espnet_ext.scoring.products import Products
from espnet_ext.utils.errors import UserError


@dataclass(frozen=True)
class ScoringRun:
    """What to score: the attributes say how, the sets where; `retrieval_pairs` the directions of a set, else all.

    cohort_set, calibration_set, contaminated: see `VerificationSet`; classification_sets, probe_labels:
    see `LabelRules`.
    """

    attributes: Mapping[str, AttributeConfig]
    dump_dir: Path
    retrieval_sets: Sequence[str]
    verification_sets: Sequence[str]
    scores_dir: Path
    bootstrap: Bootstrap
    retrieval_pairs: Mapping[str, Sequence[Pattern]] = field(default_factory=dict)
    products: Products = field(default_factory=Products)
    cohort_set: str | None = None
    calibration_set: str | None = None
    contaminated: Sequence[str] = ()
    classification_sets: Sequence[str] = ()
    probe_labels: Sequence[str] = ()

    def score(self, systems: Sequence[System]) -> list[ResultRow]:
        """All figures, in the order of systems, attributes, rules and sets.

        Raises:
            UserError: nothing to score, two systems of one name, or what the sets' readers find.
        """
        names = [system.name for system in systems]
        for name in names:
            if names.count(name) > 1:
                raise UserError(f"two systems are named {name}; name each differently")
        for name in sorted(self.retrieval_pairs.keys() - set(self.retrieval_sets)):
            raise UserError(f"--retrieval_pairs {name}=...: {name} is none of the retrieval sets")
        self._check_contaminated()
        if self.verification_sets and not self.calibration_set:
            print("no --calibration_set: actDCF and Cllr are not scored")
        parts = [*self.retrieval_sets, *self.verification_sets, *self.classification_sets]
        for part in dict.fromkeys([*parts, *filter(None, (self.cohort_set, self.calibration_set))]):
            check_dump(self.dump_dir / part)
        own = {system.name: system.attributes(self.attributes, parts) for system in systems}
        labels = self._label_rules(set().union(*own.values()))
        sets = self._sets() | labels.own_sets() | labels.probe_sets()
        evaluations = plan_evaluations({name: entry.scoring for name, entry in self.attributes.items()})
        evaluations += labels.probe_evaluations()
        rows: list[ResultRow] = []
        for system in systems:
            start = time.monotonic()
            for evaluation in evaluations:
                if evaluation.attribute in own[system.name]:
                    for rule_set in sets[evaluation.rule]:
                        rows += _score(system, evaluation, rule_set)
            print(f"{system.name}: scored in {time.monotonic() - start:.1f} s", flush=True)
        if not rows:
            raise UserError("nothing was scored; give --system or --teacher, and the sets to score them on")
        return rows

    def _check_contaminated(self) -> None:
        for name in self.contaminated:
            part, _, trials = name.partition("/")
            if part not in self.verification_sets:
                raise UserError(f"--contaminated {name}: {part} is none of the verification sets")
            if trials and trials not in DataDir(self.dump_dir / part).trials():
                raise UserError(f"--contaminated {name}: there is no {self.dump_dir / part}/trials/{trials}")

    def _label_rules(self, used: Collection[str]) -> LabelRules:
        """The rules of labels; what is declared, but no system has, need not be on any set."""
        attributes = {name: entry for name, entry in self.attributes.items() if name in used}
        parts, labels = self.classification_sets, self.probe_labels
        return LabelRules(attributes, self.dump_dir, parts, self.scores_dir, labels, self.bootstrap)

    def _sets(self) -> dict[str, list[RetrievalSet] | list[VerificationSet]]:
        texts = [name for name, entry in self.attributes.items() if entry.target.source == "text"]
        cohort = CohortSet(self.dump_dir / self.cohort_set) if self.cohort_set else None
        development = read_trial_set(self.dump_dir / self.calibration_set) if self.calibration_set else None
        return {
            "retrieval": [
                RetrievalSet(
                    self.dump_dir / name, texts, self.bootstrap, self.retrieval_pairs.get(name, (EVERY,)), self.products
                )
                for name in self.retrieval_sets
            ],
            "verification": [
                VerificationSet(
                    self.dump_dir / name, self.scores_dir, self.bootstrap, cohort, development, self.contaminated
                )
                for name in self.verification_sets
            ],
        }


def _score(
    system: System, evaluation: Evaluation, rule_set: RetrievalSet | VerificationSet | LabelSet | ProbeSet
) -> list[ResultRow]:
    """Score one set; an error says whose figure it stopped."""
    try:
        return list(rule_set.score(system, evaluation))
    except UserError as error:
        raise UserError(f"{system.name}, {evaluation.attribute}, {rule_set.dump.name}: {error}") from None
