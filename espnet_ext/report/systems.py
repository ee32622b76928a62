"""A system to score: where its embeddings of a set and an attribute lie."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from espnet_ext.config.attributes import AttributeConfig
from espnet_ext.report.inputs import Vectors, read_embeddings, read_targets
from espnet_ext.report.predictions import Predictions, read_predictions
from espnet_ext.utils.errors import UserError

# Names become folders of scores; `sem+spk/heads` is one below the other.
NAME = re.compile(r"[\w+-][\w.+-]*(/[\w+-][\w.+-]*)*")


class System(Protocol):
    """Anything with embeddings to score."""

    name: str

    def attributes(self, attributes: Mapping[str, AttributeConfig], parts: Sequence[str]) -> list[str]:
        """Those attributes that this system has embeddings of."""

    def embeddings(self, part: str, attribute: str, utterances: Sequence[str]) -> Vectors:
        """The vectors of a set's utterances, in their order; an utterance may lack one."""

    def predictions(self, part: str, attribute: str, utterances: Sequence[str]) -> Predictions | None:
        """What its own classifier of the attribute says of all of them; None without one."""


@dataclass(frozen=True)
class EmbeddedSystem:
    """Embeddings under `<root>/<set>/<attribute>.scp`; a missing one is an error."""

    name: str
    root: Path

    def attributes(self, attributes: Mapping[str, AttributeConfig], parts: Sequence[str]) -> list[str]:
        """Those with a file in one of the sets: a single-task system has only its own.

        Raises:
            UserError: none at all.
        """
        own = [
            attribute
            for attribute in attributes
            if any((self.root / part / f"{attribute}.scp").is_file() for part in parts)
        ]
        if not own:
            raise UserError(
                f"{self.root}: no <set>/<attribute>.scp for the sets {', '.join(parts)}; "
                f"run the extraction stage of system {self.name} first"
            )
        return own

    def embeddings(self, part: str, attribute: str, utterances: Sequence[str]) -> Vectors:
        """Read them (see `read_embeddings` for the errors)."""
        return read_embeddings(self.root / part / f"{attribute}.scp", utterances)

    def predictions(self, part: str, attribute: str, utterances: Sequence[str]) -> Predictions | None:
        """Read them (see `read_predictions` for the errors)."""
        return read_predictions(self.root / part, attribute, utterances)


@dataclass(frozen=True)
class TeacherSystem:
    """The teachers' own vectors, the ceiling of a student: `<dump>/<set>/target_<attribute>.scp`.

    An utterance may lack a target by rule (no transcript, say); it is left out.
    """

    name: str
    dump_dir: Path

    def attributes(self, attributes: Mapping[str, AttributeConfig], parts: Sequence[str]) -> list[str]:
        """Those with a teacher and targets in one of the sets; maybe none."""
        return [
            attribute
            for attribute, entry in attributes.items()
            if entry.target.teacher
            and any((self.dump_dir / part / f"target_{attribute}.scp").is_file() for part in parts)
        ]

    def embeddings(self, part: str, attribute: str, utterances: Sequence[str]) -> Vectors:
        """Those of the utterances that have a target."""
        return read_targets(self.dump_dir / part / f"target_{attribute}.scp", utterances)

    def predictions(self, part: str, attribute: str, utterances: Sequence[str]) -> None:
        """None: teachers only embed."""


def parse_system(option: str) -> EmbeddedSystem:
    """Read `NAME=EMBEDDINGS_ROOT`.

    Raises:
        UserError: another form, or a name that cannot name a folder.
    """
    name, equals, root = option.partition("=")
    if not equals or not root:
        raise UserError(f"--system {option}: give NAME=EMBEDDINGS_ROOT")
    if not NAME.fullmatch(name):
        raise UserError(f"--system {option}: a name is letters, digits and any of . _ + - /")
    return EmbeddedSystem(name, Path(root))
