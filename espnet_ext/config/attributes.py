"""Attributes of a recipe, declared once: conf/attributes.yaml drives stages 2 to 5."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, NonNegativeFloat, PositiveInt, Tag

from espnet_ext.config.labels import LabelKind, LabelSpace
from espnet_ext.config.validation import StrictModel, as_list, validate
from espnet_ext.utils.strict_yaml import read_yaml

LABELS = "labels"
# Names of the model's other inputs, of the list of recordings in an npz file of embeddings, and of ESPnet's statistic
# `loss_scale`.
INPUTS = ("self", "speech", "speech_lengths", "layers", "layers_lengths", "sentences", "utt_id")
RESERVED_NAMES = (*INPUTS, "ids", "scale")


class TeacherTarget(StrictModel):
    """Target from a teacher: its embedding of the text or of the speech.

    With `average_translations`, the target is the mean over a sentence's translations (`utt2sent`).
    """

    teacher: str
    source: Literal["text", "speech"] = Field(alias="from")
    options: dict[str, Any] = {}
    average_translations: bool = False
    labels: ClassVar[None] = None
    kind: ClassVar[str] = "class"
    unknown: ClassVar[str] = "error"


def _check_label_file(name: str) -> str:
    if not name.startswith("utt2") or not name.removeprefix("utt2").isidentifier():
        raise ValueError(f"expected a data directory's file such as utt2lang, found {name!r}")
    return name


class LabelTarget(StrictModel):
    """Target from a label file of the data directory, with classes or numbers (`kind`).

    `unknown` selects the treatment of a class that only an evaluation set has: `error`, or `skip`, which treats the
    utterance as unlabeled.
    """

    labels: Annotated[str, AfterValidator(_check_label_file)]
    kind: LabelKind = "class"
    unknown: Literal["error", "skip"] = "error"
    teacher: ClassVar[None] = None
    source: ClassVar[str] = LABELS
    options: ClassVar[Mapping[str, Any]] = {}
    average_translations: ClassVar[bool] = False


def target_type(target: Any) -> str:
    """Name of the class of a target, or of the content of a file that declares one."""
    has_labels = LABELS in target if isinstance(target, Mapping) else isinstance(target, LabelTarget)
    return "LabelTarget" if has_labels else "TeacherTarget"


TargetConfig = Annotated[
    Annotated[TeacherTarget, Tag("TeacherTarget")] | Annotated[LabelTarget, Tag("LabelTarget")],
    Discriminator(target_type),
]


class HeadConfig(StrictModel):
    """One head: layer mix of width `hidden_dim`, pooling, projection to `dim` where the pooled size differs.

    `first_layer` is the first hidden state of the mix (0 = the input of the encoder's layers). With `identity_init`
    the projections of the mix start as the identity. Both are as in the paper's training code.
    """

    dim: PositiveInt
    hidden_dim: PositiveInt
    pooling: str = "attention"
    normalize_layers: bool = False
    dropout: float = Field(0.0, ge=0, lt=1)
    first_layer: int = Field(0, ge=0)
    identity_init: bool = False
    pooling_options: dict[str, Any] = {}


class ObjectiveConfig(StrictModel):
    """One term of the attribute's loss."""

    name: str
    weight: NonNegativeFloat = 1.0
    options: dict[str, Any] = {}


def _collect_options(term: Any) -> Any:
    """A term of a file, with the keys other than `name` and `weight` as its options."""
    if not isinstance(term, Mapping) or set(term) <= set(ObjectiveConfig.model_fields):
        return term
    common = {key: value for key, value in term.items() if key in ("name", "weight")}
    return common | {"options": {key: value for key, value in term.items() if key not in common}}


Term = Annotated[ObjectiveConfig, BeforeValidator(_collect_options)]


class AttributeDeclaration(StrictModel):
    """Declaration of one attribute in a file."""

    target: TargetConfig
    head: HeadConfig
    objectives: Annotated[tuple[Term, ...], BeforeValidator(as_list)] = Field(
        alias="objective", min_length=1, strict=False
    )
    weight: NonNegativeFloat = 1.0
    scoring: tuple[Literal["retrieval", "verification", "classification", "regression"], ...] = Field((), strict=False)


class AttributeConfig(AttributeDeclaration):
    """Declaration of one attribute with its name, and with the labels of its training set if it learns from labels."""

    name: str
    labels: LabelSpace | None = None


def _check_name(name: str) -> str:
    if not name.isidentifier():
        raise ValueError("an attribute's name must be letters, digits and '_' (it names files)")
    if name in RESERVED_NAMES:
        raise ValueError(f"this name is reserved; choose a name other than {', '.join(RESERVED_NAMES)}")
    return name


class AttributesFile(StrictModel):
    """Content of an attributes file."""

    attributes: dict[Annotated[str, AfterValidator(_check_name)], AttributeDeclaration] = Field(min_length=1)


def load_attributes(path: Path) -> dict[str, AttributeConfig]:
    """Read the `attributes:` block of a YAML file, in the order of the file."""
    return _parse_file(read_yaml(Path(path)), str(path))


def parse_attributes(block: Any, where: str) -> dict[str, AttributeConfig]:
    """Check and convert the mapping attribute name -> declaration.

    Raises:
        UserError: an unknown or missing key or value, with `where`, the attribute and the legal ones.
    """
    return _parse_file({"attributes": block}, where)


def _parse_file(content: Mapping[str, Any], where: str) -> dict[str, AttributeConfig]:
    declared = validate(AttributesFile, content, where).attributes
    return {name: AttributeConfig(name=name, **dict(declaration)) for name, declaration in declared.items()}
