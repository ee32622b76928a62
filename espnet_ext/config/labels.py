"""Labels of a training set: classes with their counts, or the scale of a number."""

from collections.abc import Mapping
from typing import Any, Literal

from espnet_ext.config.validation import StrictModel

LabelKind = Literal["class", "number"]
# Kind of label -> keys of its JSON.
KEYS = {"class": ("classes",), "number": ("mean", "std")}


class LabelSpace(StrictModel):
    """Labels of an attribute in its training set.

    Attributes:
        kind: "class" or "number".
        classes: class -> number of training utterances, in the order of the indices in the targets.
        mean: mean of the training set's numbers.
        std: their standard deviation (population).
    """

    kind: LabelKind = "class"
    classes: dict[str, int] = {}
    mean: float = 0.0
    std: float = 1.0

    @classmethod
    def from_json(cls, description: Mapping[str, Any]) -> "LabelSpace":
        """Read the JSON of a target file, of a class file or of a model.

        Raises:
            KeyError: a key is missing, as in the JSON of a teacher's targets.
            ValueError: a value of another type.
        """
        kind = description["kind"]
        return cls(kind=kind, **{key: description[key] for key in KEYS.get(kind, ())})

    def to_json(self) -> dict[str, Any]:
        """Content that `from_json` reads."""
        return self.model_dump(include={"kind", *KEYS[self.kind]})

    def fault(self) -> str:
        """Reason why nothing can be learned from these labels; empty if something can."""
        if self.kind == "number":
            return "" if self.std > 0 else f"every training utterance has the same number, {self.mean:g}"
        if not self.classes:
            return "no training utterance has a label"
        return "" if len(self.classes) > 1 else f"training has one class only, {next(iter(self.classes))!r}"
