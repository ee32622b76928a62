"""Sets of a recipe: their names, and how their content is made from splits of corpora."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from espnet_ext.corpora.corpus import Corpus, Options, SetContent
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.overlap import normalize_text


class SetSkippedError(Exception):
    """A set is not prepared with these options, which is not an error of the user; the message is the reason."""


@dataclass(frozen=True)
class CorpusSet:
    """A set of a recipe, `data/<name>`.

    Attributes:
        make: returns its content; raises SetSkippedError if the options exclude the set.
        apart_from: evaluation set -> what this set may share with it (of `split.SHAREABLE`).
    """

    name: str
    make: Callable[["Preparation"], SetContent]
    apart_from: Mapping[str, Collection[str]] = field(default_factory=dict)


class Preparation:
    """Splits that were read and sets that were made from them, each once.

    Attributes:
        data: folder of the sets.
        corpora: the given ones, from which the sets are made.
        made: set -> content, of the sets so far.
    """

    def __init__(self, options: Options, data: Path, corpora: Collection[Corpus], sets: Collection[CorpusSet]) -> None:
        self.options, self.data, self.corpora = options, data, corpora
        self._makers = {one.name: one.make for one in sets}
        self._splits: dict[tuple[str, str], SetContent] = {}
        self.made: dict[str, SetContent] = {}

    def read(self, corpus: Corpus, split: str) -> SetContent:
        """Content of a split; not to be changed."""
        key = corpus.option, split
        if key not in self._splits:
            self._splits[key] = corpus.read(self.options, split, self.data)
        return self._splits[key]

    def content(self, name: str) -> SetContent:
        """Content of a set; not to be changed."""
        if name not in self.made:
            self.made[name] = self._makers[name](self)
        return self.made[name]


def read_apart(preparation: Preparation, corpus: Corpus, split: str, *held_out: str) -> SetContent:
    """Read a split without utterances whose speaker or (normalized) text is also in the held-out splits.

    Returns:
        a content that may be changed; the other utterances are in its `excluded`.
    """
    content = preparation.read(corpus, split)
    evaluation = [utterance for name in held_out for utterance in preparation.read(corpus, name).utterances]
    speakers = {utterance.speaker for utterance in evaluation}
    texts = {normalize_text(utterance.text or "") for utterance in evaluation} - {""}
    kept, excluded = [], Exclusions()
    excluded.entries = list(content.excluded.entries)
    for utterance in content.utterances:
        if utterance.speaker in speakers:
            excluded.add(utterance.id, utterance.path, "speaker of an evaluation set")
        elif normalize_text(utterance.text or "") in texts:
            excluded.add(utterance.id, utterance.path, "same text as an evaluation sentence")
        else:
            kept.append(utterance)
    return replace(content, utterances=kept, excluded=excluded, counts=list(content.counts), notes=list(content.notes))


def split_set(corpus: Corpus, split: str, *held_out: str) -> CorpusSet:
    """A set of a split of a corpus, apart from its held-out splits."""
    return CorpusSet(
        f"{corpus.option}_{split}",
        lambda preparation: read_apart(preparation, corpus, split, *held_out),
        {f"{corpus.option}_{name}": () for name in held_out},
    )


def split_sets(corpus: Corpus, *held_out: str) -> tuple[CorpusSet, ...]:
    """Sets of the training split, apart from the held-out splits, and of each held-out split."""
    return (split_set(corpus, "train", *held_out), *(split_set(corpus, name) for name in held_out))
