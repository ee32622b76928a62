"""Sets of emotion: one fold of the given corpora together, no speaker in two sets."""

from collections import Counter
from collections.abc import Iterable
from functools import cache, partial

from emotion_folds import set_of_fold, speaker_folds
from espnet_ext.corpora.corpus import Corpus, Option, Options, SetContent
from espnet_ext.corpora.corpus_set import CorpusSet, Preparation
from espnet_ext.corpora.crema_d import CORPUS as CREMA_D
from espnet_ext.corpora.iemocap import CORPUS as IEMOCAP
from espnet_ext.corpora.iemocap import SESSIONS
from espnet_ext.corpora.ravdess import CORPUS as RAVDESS
from espnet_ext.corpora.recipe import CorpusEntry, Recipe, write_exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError

BALANCED = ("emotion", "gender")  # of the folds of a corpus
SHARED = ("sentence", "text")  # all actors say the same sentences


@cache
def folds_of(preparation: Preparation, corpus: Corpus) -> dict[str, int]:
    """Speaker -> fold of a corpus, from 1; its sessions are its folds if it has sessions."""
    utterances = preparation.read(corpus, "all").utterances
    if any("session" in utterance.labels for utterance in utterances):
        return {utterance.speaker: int(utterance.labels["session"]) for utterance in utterances}
    return speaker_folds(utterances, preparation.options.num_folds, BALANCED)


def make_set(name: str, preparation: Preparation) -> SetContent:
    """A set of all given corpora.

    Raises:
        UserError: the fold has no utterances.
    """
    options, corpora = preparation.options, preparation.corpora
    content = SetContent(
        {
            "corpus": ", ".join(corpus.title for corpus in corpora),
            "licence": ", ".join(f"{corpus.title} {corpus.license}" for corpus in corpora),
            "fold": f"{options.fold} of {options.num_folds}",
        }
    )
    found_folds = []
    for corpus in corpora:
        whole = preparation.read(corpus, "all")
        folds = folds_of(preparation, corpus)
        found_folds.append(f"{corpus.title} has {sorted(set(folds.values()))}")
        sets = {speaker: set_of_fold(fold, options.fold, options.num_folds) for speaker, fold in folds.items()}
        content.counts += whole.counts
        content.notes += whole.notes
        content.utterances += [utterance for utterance in whole.utterances if sets[utterance.speaker] == name]
        for entry in whole.excluded.entries:
            # Ids start with the speaker; excluded utterances of speakers without any other are listed in train.
            if sets.get("-".join(entry.utterance.split("-")[:2]), "train") == name:
                content.excluded.entries.append(entry)
    if not content.utterances:
        exclusions = write_exclusions(preparation.data / name, content)
        raise UserError(
            f"{name} of fold {options.fold} has no utterances: {'; '.join(found_folds)}; choose another --fold "
            f"(excluded ones are listed in {exclusions})"
        )
    content.details.append(f"emotions: {count_emotions(content.utterances)}")
    return content


def count_emotions(utterances: Iterable[Utterance]) -> str:
    """For instance `12 angry, 9 sad`."""
    counts = Counter(utterance.labels["emotion"] for utterance in utterances)
    return ", ".join(f"{count} {emotion}" for emotion, count in sorted(counts.items()))


def check_folds(options: Options) -> None:
    """Refuse (UserError) a fold that does not exist, and folds of IEMOCAP that are not its sessions."""
    if options.num_folds < 3:
        raise UserError(f"--num_folds {options.num_folds}: at least 3, for train, dev and test")
    if not 1 <= options.fold <= options.num_folds:
        raise UserError(f"--fold {options.fold}: expected 1 to {options.num_folds} (--num_folds)")
    if options.iemocap is not None and options.num_folds != len(SESSIONS):
        raise UserError(
            f"--num_folds {options.num_folds}: the folds of IEMOCAP are its sessions; give --num_folds {len(SESSIONS)}"
        )


RECIPE = Recipe(
    description="Stage 1 of egs/emotion: make data/{train,dev,test} of one fold from the corpora that are on disk.",
    corpora=(CorpusEntry(CREMA_D), CorpusEntry(RAVDESS), CorpusEntry(IEMOCAP)),
    options=(
        Option("fold", 1, "the fold that is tested; the next one is dev", minimum=1),
        Option("num_folds", 5, "number of folds of the speakers; those of IEMOCAP are its 5 sessions", minimum=1),
    ),
    joint_sets=(
        CorpusSet("train", partial(make_set, "train"), {"dev": SHARED, "test": SHARED}),
        CorpusSet("dev", partial(make_set, "dev"), {"test": SHARED}),
        CorpusSet("test", partial(make_set, "test")),
    ),
    check=check_folds,
)
