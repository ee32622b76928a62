"""The attributes of a recipe, declared once: conf/attributes.yaml drives stages 2 to 5."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from espnet_ext.config.labels import LABEL_KINDS, LabelSpace
from espnet_ext.config.strict import bounded, build_strict, check_keys, read_yaml
from espnet_ext.errors import UserError

TARGET_SOURCES = ("text", "speech")
LABELS = "labels"
UNKNOWN_LABELS = ("error", "skip")
SCORINGS = ("retrieval", "verification", "classification", "regression")
# Names of the model's other inputs, of the list of recordings in an npz file of embeddings, and of ESPnet's statistic
# `loss_scale`.
INPUTS = ("self", "speech", "speech_lengths", "layers", "layers_lengths", "sentences", "utt_id")
RESERVED_NAMES = (*INPUTS, "ids", "scale")


@dataclass(frozen=True)
class TargetConfig:
    """What is known of the attribute: a teacher's embedding of the text or of the speech, or a label.

    With `average_translations`, training pulls towards the mean over a sentence's translations (`utt2sent`).
    `labels` names a file of the data directory, of classes or numbers (`kind`); `unknown` says what to do
    with a class that only an evaluation set has: stop, or count the utterance as one without a label.
    """

    teacher: str | None = None
    source: str = LABELS
    options: dict[str, Any] = field(default_factory=dict)
    average_translations: bool = False
    labels: str | None = None
    kind: str = "class"
    unknown: str = "error"


@dataclass(frozen=True)
class HeadConfig:
    """One head: layer mix of width `hidden_dim`, pooling, projection to `dim` where the pooled size differs.

    `first_layer` is the first hidden state the mix reads (0 = the encoder's input to its layers); with
    `identity_init` the projections of the mix start as the identity, both as in the paper's training code.
    """

    dim: int = bounded(1)
    hidden_dim: int = bounded(1)
    pooling: str = "attention"
    normalize_layers: bool = False
    dropout: float = bounded(0, 1, default=0.0)
    first_layer: int = bounded(0, default=0)
    identity_init: bool = False
    pooling_options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ObjectiveConfig:
    """One term of the attribute's loss."""

    name: str
    weight: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AttributeConfig:
    """Everything that is declared of one attribute; `labels` is what the training set adds to it."""

    name: str
    target: TargetConfig
    head: HeadConfig
    objectives: tuple[ObjectiveConfig, ...]
    weight: float = 1.0
    scoring: tuple[str, ...] = ()
    labels: LabelSpace | None = None


def load_attributes(path: Path) -> dict[str, AttributeConfig]:
    """Read the `attributes:` block of a YAML file, in the order of the file."""
    content = read_yaml(Path(path))
    check_keys(content, {"attributes"}, {"attributes"}, str(path))
    return parse_attributes(content["attributes"], str(path))


def parse_attributes(block: Any, where: str) -> dict[str, AttributeConfig]:
    """Check and convert the mapping attribute name -> declaration.

    Raises:
        UserError: an unknown or missing key or value, with `where`, the attribute and the legal ones.
    """
    if not isinstance(block, Mapping) or not block:
        raise UserError(f"{where}: `attributes` must name at least one attribute")
    return {str(name): _parse_attribute(str(name), entry, f"{where}: {name}") for name, entry in block.items()}


def _parse_attribute(name: str, entry: Any, where: str) -> AttributeConfig:
    if not name.isidentifier():
        raise UserError(f"{where}: an attribute's name must be letters, digits and '_' (it names files)")
    if name in RESERVED_NAMES:
        raise UserError(f"{where}: this name is taken; an attribute's name is none of {', '.join(RESERVED_NAMES)}")
    check_keys(
        entry,
        {"target", "head", "objective", "weight", "scoring"},
        {"target", "head", "objective"},
        where,
    )
    scoring = entry.get("scoring", [])
    if not isinstance(scoring, list):
        raise UserError(f"{where}.scoring: expected a list such as [retrieval], found {scoring!r}")
    for value in scoring:
        if value not in SCORINGS:
            raise UserError(f"{where}.scoring: unknown {value!r}; legal: {', '.join(SCORINGS)}")
    terms = entry["objective"] or [None]  # an empty list lacks a name as any other fault does
    terms = terms if isinstance(terms, list) else [terms]
    return AttributeConfig(
        name=name,
        target=_parse_target(entry["target"], f"{where}.target"),
        head=build_strict(HeadConfig, entry["head"], f"{where}.head"),
        objectives=tuple(_parse_objective(term, f"{where}.objective") for term in terms),
        weight=_parse_weight(entry, where),
        scoring=tuple(scoring),
    )


def _parse_target(entry: Any, where: str) -> TargetConfig:
    if isinstance(entry, Mapping) and LABELS in entry:
        return _parse_labels(entry, where)
    check_keys(entry, {"teacher", "from", "options", "average_translations", LABELS}, {"teacher", "from"}, where)
    if entry["from"] not in TARGET_SOURCES:
        raise UserError(f"{where}.from: unknown {entry['from']!r}; legal: {', '.join(TARGET_SOURCES)}")
    values = {("source" if key == "from" else key): value for key, value in entry.items()}
    return build_strict(TargetConfig, values, where)


def _parse_labels(entry: Mapping[str, Any], where: str) -> TargetConfig:
    check_keys(entry, {LABELS, "kind", "unknown"}, {LABELS}, where)
    target = build_strict(TargetConfig, entry, where)
    if not target.labels.removeprefix("utt2").isidentifier() or not target.labels.startswith("utt2"):
        raise UserError(f"{where}.labels: expected a data directory's file such as utt2lang, found {target.labels!r}")
    for key, legal in {"kind": LABEL_KINDS, "unknown": UNKNOWN_LABELS}.items():
        if getattr(target, key) not in legal:
            raise UserError(f"{where}.{key}: unknown {getattr(target, key)!r}; legal: {', '.join(legal)}")
    return target


def _parse_objective(entry: Any, where: str) -> ObjectiveConfig:
    """`name` and `weight` are common to all; the other keys are that objective's own options."""
    if not isinstance(entry, Mapping) or "name" not in entry:
        raise UserError(f"{where}: needs `name`, e.g. {{name: cosine, scale: 50}}; found {entry!r}")
    options = {key: value for key, value in entry.items() if key not in ("name", "weight")}
    return ObjectiveConfig(str(entry["name"]), _parse_weight(entry, where), options)


def _parse_weight(entry: Mapping[str, Any], where: str) -> float:
    weight = entry.get("weight", 1.0)
    if type(weight) not in (int, float) or not 0 <= weight < math.inf:
        raise UserError(f"{where}: weight must be a number from 0, found {weight!r}")
    return float(weight)
