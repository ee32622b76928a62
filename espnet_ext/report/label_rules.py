"""Which labels are scored on which sets; what cannot be scored is said once, before anything is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from espnet_ext.config.attributes import AttributeConfig, TargetConfig
from espnet_ext.report.label_set import LabelSet
from espnet_ext.report.probe_set import ProbeSet
from espnet_ext.scoring.bootstrap import Bootstrap
from espnet_ext.scoring.leakage import OWN_RULES, Evaluation, plan_probes
from espnet_ext.utils.errors import UserError

KIND_OF_RULE = {"classification": "class", "regression": "number"}
LANGUAGES = "utt2lang"


@dataclass(frozen=True)
class LabelRules:
    """Sets with labels, and what to ask of them.

    Args:
        attributes: those with the rules `classification` or `regression` are scored by their own classifiers.
        parts: sets below `dump_dir`.
        scores_dir: see `LabelSet`.
        probe_labels: files of labels to probe; by default languages and the classes that attributes are trained
            on, on the sets that have them.
    """

    attributes: Mapping[str, AttributeConfig]
    dump_dir: Path
    parts: Sequence[str]
    scores_dir: Path
    probe_labels: Sequence[str] = ()
    bootstrap: Bootstrap = field(default_factory=Bootstrap)

    def own_sets(self) -> dict[str, list[LabelSet]]:
        """Rule -> the sets it is scored on.

        Raises:
            UserError: an attribute's rule does not suit its target, or no set has labels to tell apart.
        """
        targets = self._targets()
        if targets and not self.parts:
            print(f"no --classification_sets: the labels of {', '.join(targets)} are not scored")
        sets = [LabelSet(self.dump_dir / part, targets, self.scores_dir, self.bootstrap) for part in self.parts]
        for attribute in targets if sets else ():
            _say([one.fault(attribute) for one in sets], needed=True)
        return dict.fromkeys(OWN_RULES, sets)

    def probe_sets(self) -> dict[str, list[ProbeSet]]:
        """File of labels -> the sets on which it is probed.

        Raises:
            UserError: a label that was asked for is in no set, or nowhere to be told apart.
        """
        if self.probe_labels and not self.parts:
            raise UserError("--probe_labels: give the sets to probe as --classification_sets")
        probed: dict[str, list[ProbeSet]] = {}
        for label in self._probed_labels():
            sets = [ProbeSet(self.dump_dir / part, label, self.bootstrap) for part in self.parts]
            sets = [one for one in sets if (one.dump / label).is_file()]
            if self.probe_labels and not sets:
                raise UserError(f"--probe_labels {label}: none of the sets {', '.join(self.parts)} has this file")
            _say([one.fault for one in sets], needed=bool(self.probe_labels))
            probed[label] = [one for one in sets if not one.fault]
        return probed

    def probe_evaluations(self) -> list[Evaluation]:
        """A probe of every label for every attribute."""
        scoring = {name: entry.scoring for name, entry in self.attributes.items()}
        labels_of = {name: entry.target.labels for name, entry in self.attributes.items()}
        return plan_probes(scoring, labels_of, self._probed_labels())

    def _targets(self) -> dict[str, TargetConfig]:
        targets = {}
        for name, entry in self.attributes.items():
            for rule in OWN_RULES:
                if rule in entry.scoring:
                    kind = KIND_OF_RULE[rule]
                    if not entry.target.labels or entry.target.kind != kind:
                        raise UserError(f"{name}: `scoring: [{rule}]` needs `target: {{labels: ..., kind: {kind}}}`")
                    targets[name] = entry.target
        return targets

    def _probed_labels(self) -> list[str]:
        if not self.parts or self.probe_labels:
            return list(dict.fromkeys(self.probe_labels))
        targets = [entry.target for entry in self.attributes.values()]
        return list(dict.fromkeys([LANGUAGES, *(one.labels for one in targets if one.labels and one.kind == "class")]))


def _say(faults: Sequence[str | None], needed: bool) -> None:
    """Print why sets are left out; that is an error where none is left and there should be one."""
    found = [fault for fault in faults if fault]
    if needed and len(found) == len(faults):
        raise UserError("; ".join(found))
    for fault in found:
        print(f"{fault}; not scored here")
