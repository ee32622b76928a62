"""Options that the recipes with corpora on disk share."""

from dataclasses import dataclass, fields
from pathlib import Path

from espnet_ext.utils.errors import UserError


@dataclass(frozen=True, kw_only=True)
class CorpusOptions:
    """Base of a recipe's options. Options that are paths are roots of corpora (None: not given).

    Attributes:
        allow_incomplete: continue with a corpus of which something is missing.
        nj: processes.

    Raises:
        UserError: a root is not a folder.
    """

    allow_incomplete: bool = False
    nj: int = 1

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            root = getattr(self, name)
            if isinstance(root, Path) and not root.is_dir():
                raise UserError(f"--{name} {root}: no such folder; unpack the corpus there or leave the option out")

    @property
    def max_left_out(self) -> float:
        """Largest share of a corpus that may be unreadable."""
        return 1.0 if self.allow_incomplete else 0.01
