"""Systems of a recipe: the attributes that each trains, and their files."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from espnet_ext import __version__
from espnet_ext.config.attributes import AttributeConfig
from espnet_ext.utils.errors import UserError


def split_systems(systems: Sequence[str], declared: Mapping[str, AttributeConfig], where: Path) -> list[list[str]]:
    """Split names of systems, such as `sem+spk`, into attributes.

    Raises:
        UserError: an attribute is not declared, or a system or an attribute is given twice.
    """
    if twice := [system for index, system in enumerate(systems) if system in systems[:index]]:
        raise UserError(f"--systems: {twice[0]} is given twice; remove one")
    names_of = [system.split("+") for system in systems]
    for system, names in zip(systems, names_of, strict=True):
        for index, name in enumerate(names):
            if name not in declared:
                raise UserError(f"--systems: {where} declares no attribute {name!r}; declared: {', '.join(declared)}")
            if name in names[:index]:
                raise UserError(f"--systems: {system} has the attribute {name} twice; remove one")
    return names_of


def required_files(attribute: AttributeConfig) -> list[str]:
    """Files of a data directory, other than the audio, that an attribute's targets are made from."""
    if attribute.target.labels:
        return [attribute.target.labels]
    averaged = ["utt2sent", "utt2lang"] if attribute.target.average_translations else []
    return [*(["text"] if attribute.target.source == "text" else []), *averaged]


def describe_check(files: Sequence[Path], words: Sequence[str], systems: Sequence[Sequence[str]]) -> str:
    """All inputs of a check of training configs: equal descriptions have equal results."""
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    packages = [__version__, version("espnet"), version("torch")]
    return json.dumps([*map(str, files), *digests, *packages, words, systems])
