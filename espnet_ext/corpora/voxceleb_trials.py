"""The trial lists of VoxCeleb 1."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from espnet_ext.corpora.tables import read_rows
from espnet_ext.corpora.voxceleb import utterance_id
from espnet_ext.kaldi.trials import Trial
from espnet_ext.utils.errors import UserError

# Trial set -> file; the lists without "-original" were cleaned of labelling faults.
LISTS = {
    "O": "veri_test2.txt",
    "O-original": "veri_test.txt",
    "E": "list_test_all2.txt",
    "E-original": "list_test_all.txt",
    "H": "list_test_hard2.txt",
    "H-original": "list_test_hard.txt",
}
_FILE = re.compile(r"(?P<speaker>[^/]+)/(?P<video>[^/]+)/(?P<utterance>[^/]+)\.wav")


def read_trial_list(path: Path) -> list[Trial]:
    """Read lines `1|0 id10270/5r0dWxy17C8/00001.wav id.../.../....wav` as trials of our utterance ids.

    Raises:
        UserError: naming the line that is not a trial; and as `read_rows`.
    """
    trials = []
    names: dict[str, str] = {}  # a recording is in many trials: parsed once, and one string in memory
    for number, (line,) in read_rows(path, separator="\n"):
        fields = line.split()
        for field in fields[1:]:
            if field not in names and (file := _FILE.fullmatch(field)):
                names[field] = utterance_id("voxceleb1", **file.groupdict())
        if len(fields) != 3 or fields[0] not in ("0", "1") or not names.keys() >= set(fields[1:]):
            raise UserError(
                f"{path}:{number}: expected `1|0 speaker/video/file.wav speaker/video/file.wav`, found {line!r}; "
                "fetch the list again"
            )
        trials.append(Trial(fields[0] == "1", names[fields[1]], names[fields[2]]))
    return trials


def check_known(trials: Sequence[Trial], known: Collection[str], path: Path) -> None:
    """Refuse (UserError, with the line) a trial of an utterance that is not `known`: a list is never shortened."""
    for number, trial in enumerate(trials, 1):
        for utterance in trial[1:]:
            if utterance not in known:
                raise UserError(
                    f"{path}:{number}: utterance {utterance!r} is not in VoxCeleb 1 as unpacked here; unpack the rest"
                )
