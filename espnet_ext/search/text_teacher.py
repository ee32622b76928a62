"""The text teacher of a model: it puts a text where the model puts speech that says it."""

from pathlib import Path

import numpy as np

from espnet_ext.errors import UserError
from espnet_ext.hub.model_files import read_description
from espnet_ext.teachers import Runtime, build_teacher


def text_attribute(model: Path, wanted: str | None) -> str:
    """The attribute that a text is looked up in: `wanted`, or the only one with a text teacher.

    Raises:
        UserError: there is none, there are several to choose from, or `wanted` is not one of them.
    """
    attributes = read_description(model)["attributes"]
    able = [name for name, entry in attributes.items() if entry["target"]["source"] == "text"]
    if not able:
        raise UserError(f"{model}: no attribute of this model has a text teacher; ask with --audio")
    if wanted is None and len(able) > 1:
        raise UserError(f"{model}: {', '.join(able)} have text teachers; choose one with --text_attribute")
    if wanted is not None and wanted not in able:
        raise UserError(f"{model}: attribute {wanted!r} has no text teacher; those that have: {', '.join(able)}")
    return wanted or able[0]


def embed_text(model: Path, attribute: str, text: str, runtime: Runtime) -> np.ndarray:
    """Embed a text with the teacher that the attribute was trained towards.

    Returns:
        (dim,) float32 of unit length.

    Raises:
        UserError: the teacher is not to be had, makes nothing of the text, or has another dimension than the head.
    """
    if not text.strip():
        raise UserError("--text: an empty text; say what is to be found")
    entry = read_description(model)["attributes"][attribute]
    target, dim = entry["target"], entry["head"]["dim"]
    teacher = build_teacher(target["teacher"], runtime, **target.get("options", {}))
    if teacher.dim != dim:
        raise UserError(f"{model}: {attribute} has {dim} dimensions, its teacher {teacher.name} has {teacher.dim}")
    vector = teacher.embed([text])[0]
    if not np.isfinite(vector).all():
        raise UserError(f"teacher {teacher.name} makes nothing of the text {text!r}; ask with other words")
    return vector
