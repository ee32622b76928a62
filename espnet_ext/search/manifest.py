"""index.json: the format of an index and the model that it was made with."""

import json
from pathlib import Path
from typing import Any

from espnet_ext.config.validation import StrictModel, validate
from espnet_ext.data.atomic import write_json_atomic
from espnet_ext.errors import UserError

FORMAT = 1
FILE_NAME = "index.json"


class Manifest(StrictModel):
    """What all vectors of an index have in common.

    Attributes:
        model: sha256 of the model's files.
        autocast: dtype of the model's matrix products when it embedded the recordings.
        attributes: attribute -> dimension.
        format: version of the files' layout.
    """

    model: dict[str, str]
    autocast: str
    attributes: dict[str, int]
    format: int = FORMAT

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read that of an index.

        Raises:
            UserError: there is none, it is broken, or of another format.
        """
        path = folder / FILE_NAME
        content = _read_json(path)
        if isinstance(content, dict) and content.get("format", FORMAT) != FORMAT:
            raise UserError(f"{path}: format {content['format']}, this version reads {FORMAT}; build the index again")
        return validate(cls, content, path)

    def write(self, folder: Path) -> None:
        write_json_atomic(folder / FILE_NAME, self.model_dump())

    def check_model(self, folder: Path, model: "Manifest") -> None:
        """Refuse (UserError) another model than the one that made the index in `folder`."""
        for name, digest in self.model.items():
            if model.model.get(name) != digest:
                raise UserError(
                    f"{folder}: built with another model: sha256 of its {name} is {digest[:12]}..., that of this one "
                    f"{model.model.get(name, 'missing')[:12]}...; give --model of the index, or build another index"
                )

    def check_attribute(self, folder: Path, name: str) -> None:
        """Refuse (UserError) an attribute that the index lacks, listing those it has."""
        if name not in self.attributes:
            raise UserError(f"{folder}: this index has no attribute {name!r}; it has: {', '.join(self.attributes)}")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"{path}: no such file; make the index with `search build`") from error
    except ValueError as error:
        raise UserError(f"{path}: broken index file ({error}); delete the index and build it again") from error
