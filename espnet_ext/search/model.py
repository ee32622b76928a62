"""Properties of a packed model for search: its fingerprint and its text teacher."""

from pathlib import Path
from typing import Any

import numpy as np

from espnet_ext.model.saved_model import model_hashes, read_description
from espnet_ext.search.query import QueryTerm
from espnet_ext.teachers import Runtime, build_teacher
from espnet_ext.utils.errors import UserError


def manifest_of(model: Path, autocast: str = "float32") -> dict[str, Any]:
    """Manifest of an index of embeddings of the packed model in the folder `model`.

    Returns:
        model: file -> sha256; autocast: dtype of the model's matrix products; attributes: attribute -> dimension.

    Raises:
        UserError: the folder does not contain a model.
    """
    heads = {name: entry["head"]["dim"] for name, entry in read_description(model)["attributes"].items()}
    return {"model": model_hashes(model), "autocast": autocast, "attributes": heads}


def embed_text(model: Path, term: QueryTerm, runtime: Runtime) -> QueryTerm:
    """Embed a term's text with the teacher of its attribute.

    Returns:
        The term with its attribute and its vector.

    Raises:
        UserError: the text is empty or has no embedding; the term's attribute has no text teacher; the term has no
            attribute, and the model does not have exactly one text teacher; the teacher is missing or its dimension
            differs from that of the head.
    """
    if not term.name.strip():
        raise UserError("--text: an empty text; give the words to search for")
    heads = read_description(model)["attributes"]
    able = [name for name, entry in heads.items() if entry["target"]["source"] == "text"]
    name = term.attribute or (able[0] if len(able) == 1 else None)
    if name not in able:
        problem = f"attribute {name!r} has no text teacher" if name else f"{len(able)} attributes have text teachers"
        raise UserError(f"{model}: {problem}; give --text_attribute of: {', '.join(able) or '(none; use --audio)'}")
    target, dim = heads[name]["target"], heads[name]["head"]["dim"]
    teacher = build_teacher(target["teacher"], runtime, **target.get("options", {}))
    if teacher.dim != dim:
        raise UserError(f"{model}: {name} has {dim} dimensions, its teacher {teacher.name} has {teacher.dim}")
    vector = teacher.embed([term.name])[0]
    if not np.isfinite(vector).all():
        raise UserError(f"teacher {teacher.name} has no embedding for the text {term.name!r}; use other words")
    return term._replace(attribute=name, vector=vector)
