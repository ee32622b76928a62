"""Utterance embeddings from one shared speech encoder, as an extension of ESPnet."""

import getpass
import os

__version__ = "0.1.0"

try:
    getpass.getuser()
except (KeyError, OSError):  # OSError since Python 3.13
    # The user of a container may have no name, and torch, which names a folder after the user, cannot be imported then.
    os.environ["USER"] = f"uid{os.getuid()}"
