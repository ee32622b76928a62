"""The data of egs/emotion: one fold of the corpora that are at hand, no speaker in two sets."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from espnet_ext.data.corpora.emotion_corpora import CORPORA, PARSERS, EmotionOptions, Parsed
from espnet_ext.data.corpora.prepared_set import PreparedSet, remove_exclusions, write_exclusions, write_set
from espnet_ext.data.folds import part_of_fold
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.overlap import validate_split
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.atomic import write_text_atomic
from espnet_ext.utils.cleanup import remove_temporary
from espnet_ext.utils.errors import UserError

SETS = ("train", "dev", "test")
NOT_PREPARED = "not_prepared.tsv"
# All actors say the same sentences.
SHARED = ("sentence", "text")


def prepare(options: EmotionOptions, data: Path) -> Iterator[str]:
    """Make `data/{train,dev,test}` of one fold, and check them.

    Yields:
        lines for the user: what each set holds, what is not as published and what is left out.

    Raises:
        UserError: no corpus at all, something missing or broken, or a set without utterances.
    """
    given = [name for name in CORPORA if getattr(options, name) is not None]
    if not given:
        raise UserError(f"no corpus given; name the folder of one or more: {' '.join(f'--{name}' for name in CORPORA)}")
    data.mkdir(parents=True, exist_ok=True)
    remove_temporary(data)
    remove_exclusions(data)
    (data / NOT_PREPARED).unlink(missing_ok=True)  # written last, it says that all is done
    parsed = []
    for name in given:
        parsed.append(PARSERS[name](options))
        yield from (f"  note: {note}" for note in parsed[-1].notes)
    for prepared in _sets(parsed, options):
        if not prepared.utterances:
            raise UserError(
                f"{prepared.name} of fold {options.fold} has no utterances: {_folds_of(parsed)}; choose another --fold "
                f"(excluded ones are listed in {write_exclusions(data, prepared)})"
            )
        yield f"{data / prepared.name}: {write_set(data, prepared)}"
        yield f"  emotions: {_emotions(prepared.utterances)}"
    for name in ("dev", "test"):
        validate_split(data / "train", data / name, SHARED)
    validate_split(data / "dev", data / "test", SHARED)
    write_text_atomic(data / NOT_PREPARED, "")


def _sets(parsed: Sequence[Parsed], options: EmotionOptions) -> list[PreparedSet]:
    """The three sets, of all corpora together."""
    origin = {
        "corpus": ", ".join(corpus.name for corpus in parsed),
        "licence": ", ".join(f"{corpus.name} {corpus.licence}" for corpus in parsed),
        "fold": f"{options.fold} of {options.num_folds}",
    }
    counts = [count for corpus in parsed for count in corpus.counts]
    sets = {name: PreparedSet(name, [], Exclusions(), origin, counts) for name in SETS}
    for corpus in parsed:
        part_of = {
            speaker: part_of_fold(fold, options.fold, options.num_folds) for speaker, fold in corpus.folds.items()
        }
        for utterance in corpus.utterances:
            sets[part_of[utterance.speaker]].utterances.append(utterance)
        for entry in corpus.excluded.entries:
            # Ids start with the speaker; of speakers without any utterance, train has the list.
            speaker = "-".join(entry.utterance.split("-")[:2])
            sets[part_of.get(speaker, "train")].excluded.entries.append(entry)
    return list(sets.values())


def _emotions(utterances: Iterable[Utterance]) -> str:
    counts = Counter(utterance.labels["emotion"] for utterance in utterances)
    return ", ".join(f"{count} {emotion}" for emotion, count in sorted(counts.items()))


def _folds_of(parsed: Iterable[Parsed]) -> str:
    return "; ".join(f"{corpus.name} has {sorted(set(corpus.folds.values()))}" for corpus in parsed)
