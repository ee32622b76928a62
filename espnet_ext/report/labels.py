"""Labels of a set's utterances, and what tells utterances apart that are not independent."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from espnet_ext.dump.label_targets import UNDETERMINED
from espnet_ext.kaldi.data_dir import DataDir


class Labels(NamedTuple):
    """Labelled utterances of a set, (n,) each, sorted by utterance.

    Attributes:
        names: utterance ids.
        values: labels, as written.
        num_missing: utterances of the set without a label.
    """

    names: np.ndarray
    values: np.ndarray
    num_missing: int

    def take(self, rows: np.ndarray) -> "Labels":
        """Some of them."""
        return self._replace(names=self.names[rows], values=self.values[rows])


def read_labels(dump: Path, file: str) -> Labels:
    """Read `<dump>/<file>` (`utt2lang`, say); none where it is absent, and `und` is no label."""
    data = DataDir(dump)
    labels = {name: label for name, label in (data.read(file) or {}).items() if label != UNDETERMINED}
    names = sorted(labels)
    values = [labels[name] for name in names]
    num_utterances = len(data.read("utt2spk") or names)
    return Labels(np.array(names, dtype=str), np.array(values, dtype=str), num_utterances - len(names))


def speakers_of(dump: Path, names: np.ndarray) -> np.ndarray:
    """Speaker of each utterance, (n,); the utterance itself where the speakers are not known."""
    return _values_of(dump, "utt2spk", names)


def sentences_of(dump: Path, names: np.ndarray) -> np.ndarray:
    """Sentence id of each utterance, (n,); the utterance itself where it is not known what is said."""
    return _values_of(dump, "utt2sent", names)


def _values_of(dump: Path, file: str, names: np.ndarray) -> np.ndarray:
    known = DataDir(dump).read(file) or {}
    return np.array([known.get(name, name) for name in names.tolist()], dtype=str)
