"""What tells the model of an index from all others."""

from pathlib import Path

from espnet_ext.hub.model_files import model_hashes, read_description
from espnet_ext.search.manifest import Manifest


def manifest_of(model: Path, autocast: str = "float32") -> Manifest:
    """What an index made with the packed model in the folder `model` is to say.

    Args:
        autocast: dtype of its matrix products, `float32` or `bfloat16`.

    Raises:
        UserError: the folder holds no model.
    """
    heads = read_description(model)["attributes"]
    return Manifest(
        model=model_hashes(model),
        autocast=autocast,
        attributes={name: entry["head"]["dim"] for name, entry in heads.items()},
    )
