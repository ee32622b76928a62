"""What egs/emotion takes from each of its corpora: utterances, and the fold of each speaker."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from espnet_ext.data.corpora.any_case import child
from espnet_ext.data.corpora.corpus_options import CorpusOptions
from espnet_ext.data.corpora.crema_d import DEMOGRAPHICS, parse_crema_d, read_actors
from espnet_ext.data.corpora.iemocap import NOT_EVALUATED, SESSIONS, chosen_emotions, parse_iemocap
from espnet_ext.data.corpora.incomplete import incomplete
from espnet_ext.data.corpora.lengths import MISSING
from espnet_ext.data.corpora.published_counts import (
    IEMOCAP_FOUR_CLASSES,
    Count,
    check_counts,
    emotion_counts,
)
from espnet_ext.data.corpora.ravdess import FILMED, SUNG, parse_ravdess
from espnet_ext.data.folds import speaker_folds
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError

CORPORA = ("crema_d", "ravdess", "iemocap")  # the names of their options
NOT_COUNTED = {SUNG, FILMED, NOT_EVALUATED, *MISSING}
# What the folds of a corpus are balanced by.
BALANCED = ("emotion", "gender")


@dataclass(frozen=True)
class EmotionOptions(CorpusOptions):
    """Roots of the corpora and choices.

    Attributes:
        fold: the one that is tested, from 1.
        num_folds: of the speakers; those of IEMOCAP are its sessions.
        iemocap_emotions: "four" or "all" that the evaluators agreed upon.
        merge_excited: of IEMOCAP, excited turns are happy ones.
    """

    crema_d: Path | None = None
    ravdess: Path | None = None
    iemocap: Path | None = None
    fold: int = 1
    num_folds: int = 5
    iemocap_emotions: Literal["four", "all"] = "four"
    merge_excited: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_folds < 3:
            raise UserError(f"--num_folds {self.num_folds}: at least 3, for train, dev and test")
        if not 1 <= self.fold <= self.num_folds:
            raise UserError(f"--fold {self.fold}: expected 1 to {self.num_folds} (--num_folds)")
        if self.iemocap is not None and self.num_folds != len(SESSIONS):
            raise UserError(
                f"--num_folds {self.num_folds}: the folds of IEMOCAP are its sessions; give --num_folds {len(SESSIONS)}"
            )


@dataclass
class Parsed:
    """A corpus as it was found.

    Attributes:
        folds: speaker -> fold, from 1.
        notes: lines for the user on what is not as published.
    """

    name: str
    licence: str
    utterances: list[Utterance]
    excluded: Exclusions
    folds: Mapping[str, int]
    counts: list[Count] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def parse_crema_d_folds(options: EmotionOptions) -> Parsed:
    """CREMA-D, its speakers dealt to folds."""
    excluded, notes = Exclusions(), []
    table = child(options.crema_d, DEMOGRAPHICS)
    if not table.is_file():
        if not options.allow_incomplete:
            raise incomplete([f"CREMA-D lacks {table}"])
        notes = [f"CREMA-D without {table}: the gender and age of its actors are not known"]
    actors = read_actors(table) if table.is_file() else None
    utterances = parse_crema_d(options.crema_d, actors, excluded, options.nj, options.max_left_out)
    folds = speaker_folds(utterances, options.num_folds, BALANCED)
    return _counted(Parsed("CREMA-D", "ODbL 1.0", utterances, excluded, folds, notes=notes), options)


def parse_ravdess_folds(options: EmotionOptions) -> Parsed:
    """The speech of RAVDESS, its speakers dealt to folds."""
    excluded = Exclusions()
    utterances = parse_ravdess(options.ravdess, excluded, options.nj, options.max_left_out)
    folds = speaker_folds(utterances, options.num_folds, BALANCED)
    return _counted(Parsed("RAVDESS", "CC BY-NC-SA 4.0", utterances, excluded, folds), options)


def parse_iemocap_folds(options: EmotionOptions) -> Parsed:
    """The chosen emotions of IEMOCAP; session 1 is fold 1 and so on."""
    excluded = Exclusions()
    classes = chosen_emotions(options.iemocap_emotions, options.merge_excited)
    utterances = parse_iemocap(options.iemocap, classes, excluded, options.nj, options.max_left_out)
    folds = {utterance.speaker: int(utterance.labels["session"]) for utterance in utterances}
    parsed = Parsed("IEMOCAP", "of its own", utterances, excluded, folds)
    if options.iemocap_emotions == "four" and options.merge_excited:
        parsed.counts = [Count("IEMOCAP: turns of the four classes", len(utterances), IEMOCAP_FOUR_CLASSES)]
    return _counted(parsed, options)


PARSERS: dict[str, Callable[[EmotionOptions], Parsed]] = {
    "crema_d": parse_crema_d_folds,
    "ravdess": parse_ravdess_folds,
    "iemocap": parse_iemocap_folds,
}


def _counted(parsed: Parsed, options: EmotionOptions) -> Parsed:
    """With its counts beside the published ones; what a rule leaves out was published, too."""
    recordings = {utterance.id for utterance in parsed.utterances}
    recordings |= {entry.utterance for entry in parsed.excluded.entries if entry.reason not in NOT_COUNTED}
    speakers = {utterance.speaker for utterance in parsed.utterances}
    parsed.counts = emotion_counts(parsed.name, len(speakers), len(recordings)) + parsed.counts
    parsed.notes += check_counts(parsed.counts, options.allow_incomplete)
    return parsed
