"""Utterance embeddings from one shared speech encoder, as an extension of ESPnet."""

import getpass
import os
from pkgutil import resolve_name

__version__ = "0.1.0"

try:
    getpass.getuser()
except (KeyError, OSError):  # OSError since Python 3.13
    # The user of a container may have no name, and torch, which names a folder after the user, cannot be imported then.
    os.environ["USER"] = f"uid{os.getuid()}"


def __getattr__(name: str) -> type:
    """Import `UttEncoder` when it is used: its packages take seconds to import."""
    if name == "UttEncoder":
        return resolve_name("espnet_ext.inference.utt_encoder:UttEncoder")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
