"""Pack a trained model as a folder and a zip file for distribution."""

import shutil
import zipfile
from pathlib import Path
from typing import Any

from espnet_ext.model.saved_model import DESCRIPTION, WEIGHTS, load_model, read_description
from espnet_ext.utils.atomic import atomic_folder, atomic_path

# A fixed time in the zip file, so that the same model gives the same bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)

CARD = "README.md"
CARD_TEXT = """---
library_name: espnet_ext
tags: [speech, speaker-verification, speech-retrieval, sentence-embedding]
---
# {name}

One speech encoder ({architecture}), one embedding per attribute of an utterance:

| attribute | dimension | learned from |
|---|---|---|
{rows}

```python
from espnet_ext.inference.utt_encoder import UttEncoder

encoder = UttEncoder.from_pretrained("{name}")  # this folder, the zip file, or its hub id
embeddings = encoder.encode(["a.wav", "b.flac"])  # {{{keys}}}
```
"""


def pack_model(model_dir: Path, packed: Path) -> Path:
    """Copy a model's files and a model card to `packed`, and to a zip file next to it.

    Args:
        model_dir: folder of a trained phase.
        packed: folder to write; replaced if it exists.

    Returns:
        The zip file.

    Raises:
        UserError: the model cannot be loaded from its files.
    """
    load_model(model_dir)
    with atomic_folder(packed) as folder:
        for name in (DESCRIPTION, WEIGHTS):
            shutil.copyfile(model_dir / name, folder / name)
        (folder / CARD).write_text(model_card(model_dir, packed.name), encoding="utf-8")
    archive = packed.with_name(f"{packed.name}.zip")  # with_suffix would cut a name such as v1.2
    with atomic_path(archive) as temporary, zipfile.ZipFile(temporary, "w") as members:
        for path in sorted(packed.iterdir()):
            info = zipfile.ZipInfo(path.name, EPOCH)
            with path.open("rb") as source, members.open(info, "w", force_zip64=True) as member:
                shutil.copyfileobj(source, member)
    return archive


def model_card(model_dir: Path, name: str) -> str:
    """Content of the packed model's README.md."""
    description = read_description(model_dir)
    attributes = description["attributes"]
    rows = [
        f"| {attribute} | {entry['head']['dim']} | {_learned_from(entry['target'])} |"
        for attribute, entry in attributes.items()
    ]
    keys = ", ".join(f'"{attribute}": (2, {entry["head"]["dim"]})' for attribute, entry in attributes.items())
    architecture = description["encoder"]["model_type"]
    return CARD_TEXT.format(name=name, architecture=architecture, rows="\n".join(rows), keys=keys)


def _learned_from(target: dict[str, Any]) -> str:
    return target.get("labels") or f"{target['teacher']} (from {target['source']})"
