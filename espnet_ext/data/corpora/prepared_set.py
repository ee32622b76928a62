"""A set of a recipe: from utterances to a checked data directory that says where it comes from."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from espnet_ext.audio import RATE
from espnet_ext.data.corpora.incomplete import IncompleteCorpusError
from espnet_ext.data.corpora.published_counts import Count
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.overlap import normalize_text
from espnet_ext.kaldi.trials import Trial, write_trials
from espnet_ext.kaldi.utterances import Utterance, write_utterances
from espnet_ext.kaldi.validate import validate_data_dir
from espnet_ext.utils.atomic import atomic_folder, write_json_atomic
from espnet_ext.utils.errors import UserError

EXCLUSIONS = ".excluded.tsv"


@dataclass
class PreparedSet:
    """What goes into `data/<name>`.

    Attributes:
        origin: what provenance.json says of the corpus: name, root, version, licence.
        counts: found and published.
        trials: name -> list.
        notes: lines for the user on what is not as published.
    """

    name: str
    utterances: list[Utterance]
    excluded: Exclusions
    origin: Mapping[str, str]
    counts: list[Count] = field(default_factory=list)
    trials: Mapping[str, list[Trial]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class NotPrepared(NamedTuple):
    """A set that is left out, and why."""

    name: str
    reason: str


Sets = Iterator[PreparedSet | NotPrepared]


def or_not_prepared(name: str, allow_incomplete: bool, make: Callable[[], PreparedSet]) -> PreparedSet | NotPrepared:
    """The set, or, where the user goes on without what is missing, why it cannot be made.

    Raises:
        UserError: that of `make`, unless `allow_incomplete`.
    """
    try:
        return make()
    except UserError as error:
        if allow_incomplete:
            return NotPrepared(name, str(error))
        if isinstance(error, IncompleteCorpusError):
            raise
        raise UserError(f"{error} (or go on without {name}: --allow_incomplete true)") from error


def write_set(data: Path, prepared: PreparedSet) -> str:
    """Write and validate `data/<name>`, whole or not at all.

    Returns:
        one line on what it holds.

    Raises:
        UserError: naming the first fault.
    """
    hours = round(sum(utterance.num_samples for utterance in prepared.utterances) / RATE / 3600, 2)
    languages = Counter(utterance.language for utterance in prepared.utterances)
    provenance = {
        **prepared.origin,
        "utterances": len(prepared.utterances),
        "hours": hours,
        "languages": dict(sorted(languages.items())),
        "published_counts": [count._asdict() for count in prepared.counts],
        "excluded": prepared.excluded.counts(),
    }
    with atomic_folder(data / prepared.name) as temporary:
        write_utterances(temporary, prepared.utterances)
        for name, trials in prepared.trials.items():
            write_trials(temporary / "trials" / name, trials)
        prepared.excluded.write(temporary / "excluded.tsv")
        write_json_atomic(temporary / "provenance.json", provenance)
        validate_data_dir(temporary)
    trials = "".join(f", {len(listed)} trials {name}" for name, listed in prepared.trials.items())
    return (
        f"{len(prepared.utterances)} utterances, {hours:g} h, {len(languages)} languages{trials}; "
        f"{prepared.excluded.summary()}"
    )


def write_exclusions(data: Path, prepared: PreparedSet) -> Path:
    """Write what was excluded from a set that has no utterances left, to `data/<name>.excluded.tsv`."""
    path = data / f"{prepared.name}{EXCLUSIONS}"
    prepared.excluded.write(path)
    return path


def remove_exclusions(data: Path) -> None:
    """Remove the lists of `write_exclusions` of an earlier run."""
    for path in data.glob(f"*{EXCLUSIONS}"):
        path.unlink()


def without_texts_of(
    train: Iterable[Utterance], evaluation: Iterable[Utterance], excluded: Exclusions
) -> list[Utterance]:
    """The training utterances whose text (normalised) no evaluation utterance has; the others go to `excluded`."""
    held_out = {same for utterance in evaluation if (same := normalize_text(utterance.text or ""))}
    kept = []
    for utterance in train:
        if normalize_text(utterance.text or "") in held_out:
            excluded.add(utterance.id, utterance.path, "same text as an evaluation sentence")
        else:
            kept.append(utterance)
    return kept


def without_speakers_of(
    train: Iterable[Utterance], evaluation: Iterable[Utterance], excluded: Exclusions
) -> list[Utterance]:
    """The training utterances of speakers that no evaluation utterance has; the others go to `excluded`."""
    held_out = {utterance.speaker for utterance in evaluation}
    kept = []
    for utterance in train:
        if utterance.speaker in held_out:
            excluded.add(utterance.id, utterance.path, "speaker of an evaluation set")
        else:
            kept.append(utterance)
    return kept
