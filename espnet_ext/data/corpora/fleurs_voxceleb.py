"""The data of egs/fleurs_voxceleb: from the corpora that are at hand to the recipe's sets."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from espnet_ext.data.corpora.fleurs_voxceleb_options import FleursVoxcelebOptions
from espnet_ext.data.corpora.fleurs_voxceleb_sets import (
    common_voice_sets,
    fleurs_sets,
    mtedx_sets,
    voxpopuli_sets,
)
from espnet_ext.data.corpora.prepared_set import (
    NotPrepared,
    PreparedSet,
    Sets,
    remove_exclusions,
    write_exclusions,
    write_set,
)
from espnet_ext.data.corpora.voxceleb_sets import voxceleb1_sets, voxceleb2_sets
from espnet_ext.kaldi.overlap import validate_split
from espnet_ext.utils.atomic import write_text_atomic
from espnet_ext.utils.cleanup import remove_temporary
from espnet_ext.utils.errors import UserError


class Corpus(NamedTuple):
    """A corpus, by the name of its option: what makes its sets, and what is lost without it."""

    make: Callable[[FleursVoxcelebOptions, Path], Sets]
    sets: tuple[str, ...]
    disables: str


CORPORA = {
    "fleurs": Corpus(
        fleurs_sets, ("fleurs_train", "fleurs_dev", "fleurs_test"), "no semantic training and no retrieval on FLEURS"
    ),
    "voxceleb2": Corpus(
        voxceleb2_sets,
        ("voxceleb2_train", "voxceleb2_valid", "voxceleb2_cohort"),
        "no speaker training on VoxCeleb 2, no calibration (actDCF, Cllr), no AS-norm",
    ),
    "voxceleb1": Corpus(voxceleb1_sets, ("voxceleb1_o", "voxceleb1_eh"), "no speaker verification on VoxCeleb 1"),
    "commonvoice": Corpus(
        common_voice_sets,
        ("commonvoice_train", "commonvoice_dev"),
        "no training as in the paper (conf/train_paper.yaml)",
    ),
    "voxpopuli": Corpus(
        voxpopuli_sets,
        ("voxpopuli_train", "voxpopuli_dev", "voxpopuli_test", "voxpopuli_s2s"),
        "no speech-to-speech retrieval on VoxPopuli",
    ),
    "mtedx": Corpus(mtedx_sets, ("mtedx_test",), "no speech-to-text retrieval on mTEDx"),
}

# Training set -> evaluation set -> what they may share. VoxPopuli's own splits share speakers and phrases
# ("Thank you, Mr President"); the recipe does not train on it unless it is told to.
OFFICIAL = ("speaker", "text")
CHECKED_SPLITS = {
    "fleurs_train": {"fleurs_dev": (), "fleurs_test": ()},
    "voxceleb2_train": {"voxceleb2_valid": (), "voxceleb1_o": (), "voxceleb1_eh": ()},
    "commonvoice_train": {"commonvoice_dev": ()},
    "voxpopuli_train": {"voxpopuli_dev": OFFICIAL, "voxpopuli_test": OFFICIAL, "voxpopuli_s2s": OFFICIAL},
}
NOT_PREPARED = "not_prepared.tsv"


def prepare(options: FleursVoxcelebOptions, data: Path) -> Iterator[str]:
    """Make the sets of the corpora that are given, check them, and list the others in `data/not_prepared.tsv`.

    Yields:
        lines for the user: what each set holds, what is not as published, what is left out and disabled.

    Raises:
        UserError: no corpus at all, something missing or broken, or an overlap of training and evaluation.
    """
    given = [name for name in CORPORA if getattr(options, name) is not None]
    if not given:
        raise UserError(
            f"no corpus given; name the folder of at least one: {' '.join(f'--{name}' for name in CORPORA)}"
        )
    data.mkdir(parents=True, exist_ok=True)
    remove_temporary(data)
    remove_exclusions(data)
    (data / NOT_PREPARED).unlink(missing_ok=True)  # written last, it says that all is done
    excluded: list[NotPrepared] = []
    made: list[str] = []
    for name, corpus in CORPORA.items():
        if name not in given:
            excluded += [NotPrepared(one, f"--{name} not given") for one in corpus.sets]
            yield f"--{name} not given: {corpus.disables} ({', '.join(corpus.sets)} left out)"
            continue
        for one in corpus.make(options, data):
            if isinstance(one, PreparedSet) and one.utterances:
                yield f"{data / one.name}: {write_set(data, one)}"
                made.append(one.name)
            else:
                reason = one.reason if isinstance(one, NotPrepared) else _lost(data, one)
                excluded.append(NotPrepared(one.name, reason))
                yield f"{one.name}: not prepared: {reason}"
            yield from (f"  note: {note}" for note in getattr(one, "notes", ()))
    _check_splits(data, made)
    _write_not_prepared(data, excluded)


def _lost(data: Path, prepared: PreparedSet) -> str:
    """The reason why a set without utterances is not prepared; lists what it lost."""
    path = write_exclusions(data, prepared)
    return f"no utterances, {prepared.excluded.summary()} (listed in {path})"


def _check_splits(data: Path, made: list[str]) -> None:
    for train, evaluations in CHECKED_SPLITS.items():
        for evaluation, shared in evaluations.items():
            if train in made and evaluation in made:
                validate_split(data / train, data / evaluation, shared)


def _write_not_prepared(data: Path, excluded: list[NotPrepared]) -> None:
    for one in excluded:
        # Of an earlier run with other options: it would be taken for one of this run.
        if (data / one.name).is_dir():
            shutil.rmtree(data / one.name)
    rows = [f"{one.name}\t{' '.join(one.reason.split())}\n" for one in sorted(excluded)]
    write_text_atomic(data / NOT_PREPARED, "".join(rows))
