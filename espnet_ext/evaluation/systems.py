"""Systems that are evaluated: access to the embeddings of each set and attribute."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from espnet_ext.config.attributes import AttributeConfig
from espnet_ext.errors import UserError
from espnet_ext.evaluation.inputs import ClassifierOutputs, Vectors, read_embeddings, read_outputs, read_targets

# Names are folders of scores, nested in the case of `sem+spk/heads`.
NAME = re.compile(r"[\w+-][\w.+-]*(/[\w+-][\w.+-]*)*")


@dataclass(frozen=True)
class System:
    """Embeddings under `<root>/<set>/<attribute>.scp`; a missing one is an error."""

    name: str
    root: Path

    def scp(self, set_name: str, attribute: str) -> Path:
        """File that lists the embeddings of a set."""
        return self.root / set_name / f"{attribute}.scp"

    def attributes(self, attributes: Mapping[str, AttributeConfig], set_names: Sequence[str]) -> list[str]:
        """Attributes with a file in one of the sets: a single-task system has only its own attribute.

        Raises:
            UserError: there is no such attribute.
        """
        own = [name for name in attributes if any(self.scp(one, name).is_file() for one in set_names)]
        if not own:
            raise UserError(
                f"{self.root}: no <set>/<attribute>.scp for the sets {', '.join(set_names)}; "
                f"run the extraction stage of system {self.name} first"
            )
        return own

    def embeddings(self, set_name: str, attribute: str, utterances: Sequence[str]) -> Vectors:
        """Vectors of a set's utterances, in their order; errors: see `read_embeddings`."""
        return read_embeddings(self.scp(set_name, attribute), utterances)

    def outputs(self, set_name: str, attribute: str, utterances: Sequence[str]) -> ClassifierOutputs | None:
        """Outputs of the attribute's own classifier for all utterances; None without a classifier."""
        return read_outputs(self.root / set_name, attribute, utterances)


class TeacherSystem(System):
    """The teachers' own vectors, an upper bound for students: `<dump>/<set>/target_<attribute>.scp`.

    Utterances without a target (for instance, without a transcript) are skipped.
    """

    def scp(self, set_name: str, attribute: str) -> Path:
        """File that lists the targets of a set."""
        return self.root / set_name / f"target_{attribute}.scp"

    def attributes(self, attributes: Mapping[str, AttributeConfig], set_names: Sequence[str]) -> list[str]:
        """Attributes with a teacher and with targets in one of the sets; may be empty."""
        taught = [name for name, entry in attributes.items() if entry.target.teacher]
        return [name for name in taught if any(self.scp(one, name).is_file() for one in set_names)]

    def embeddings(self, set_name: str, attribute: str, utterances: Sequence[str]) -> Vectors:
        """Read the targets; see `read_targets`."""
        return read_targets(self.scp(set_name, attribute), utterances)

    def outputs(self, set_name: str, attribute: str, utterances: Sequence[str]) -> None:
        """None: teachers only embed."""


def parse_system(option: str) -> System:
    """Read `NAME=EMBEDDINGS_ROOT`.

    Raises:
        UserError: another form, or a name that cannot be a folder name.
    """
    name, equals, root = option.partition("=")
    if not equals or not root:
        raise UserError(f"--system {option}: expected NAME=EMBEDDINGS_ROOT")
    if not NAME.fullmatch(name):
        raise UserError(f"--system {option}: a name consists of letters, digits and any of . _ + - /")
    return System(name, Path(root))
