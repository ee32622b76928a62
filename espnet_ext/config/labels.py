"""What a training set's labels are: classes with their counts, or the scale of a number."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LABEL_KINDS = ("class", "number")


@dataclass(frozen=True)
class LabelSpace:
    """The labels of an attribute, as its training set has them.

    Attributes:
        kind: "class" or "number".
        classes: class -> its training utterances; their order is that of the indices in the targets.
        mean: of the training set's numbers.
        std: standard deviation of these (population).
    """

    kind: str = "class"
    classes: Mapping[str, int] = field(default_factory=dict)
    mean: float = 0.0
    std: float = 1.0

    @classmethod
    def from_json(cls, description: Mapping[str, Any]) -> "LabelSpace":
        """From the JSON of a target file, of a class file or of a model; raises KeyError for that of a teacher."""
        if description["kind"] == "class":
            return cls("class", dict(description["classes"]))
        return cls("number", {}, description["mean"], description["std"])

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        if self.kind == "class":
            return {"kind": self.kind, "classes": dict(self.classes)}
        return {"kind": self.kind, "mean": self.mean, "std": self.std}

    def fault(self) -> str:
        """Why there is nothing to learn from these labels; empty where there is."""
        if self.kind == "number":
            return "" if self.std > 0 else f"every training utterance has the same number, {self.mean:g}"
        if not self.classes:
            return "no training utterance has a label"
        return "" if len(self.classes) > 1 else f"training has one class only, {next(iter(self.classes))!r}"
