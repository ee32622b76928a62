"""Declarations of corpora: options, and functions that read a split."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from espnet_ext.corpora.lengths import MISSING, incomplete, listed
from espnet_ext.corpora.published import Count, counted, num_on_disk, published, unknown_counts
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.trials import Trial
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError


@dataclass(frozen=True)
class Option:
    """An option of stage 1, for the shell, argparse and Python.

    Attributes:
        default: its type is that of the option: a truth value, a number, words (a tuple), text; None is a folder.
        minimum: of a number.
        choices: legal texts; () = any.
        problem: returns what is wrong with a value, or None.
    """

    name: str
    default: Any
    help: str
    minimum: int = 0
    choices: tuple[str, ...] = ()
    problem: Callable[[Any], str | None] = lambda value: None


def unknown_words(corpus: str, known: Callable[[], Collection[str]]) -> Callable[[Sequence[str]], str | None]:
    """Make the `problem` of an option for languages of a corpus."""

    def problem(words: Sequence[str]) -> str | None:
        unknown = [word for word in words if word not in known()]
        return f": {corpus} has no {' '.join(unknown)}; its languages: {' '.join(known())}" if unknown else None

    return problem


class Options(SimpleNamespace):
    """Values of the options of stage 1, by name."""

    @property
    def max_left_out(self) -> float:
        """Largest share of a corpus that may be unreadable."""
        return 1.0 if self.allow_incomplete else 0.01


# Options of every recipe.
ALLOW_INCOMPLETE = Option("allow_incomplete", False, "true: continue when something of a corpus is missing")
NJ = Option("nj", 1, "number of processes", minimum=1)


def make_options(declared: Iterable[Option], **given: Any) -> Options:
    """Complete the given values with the defaults, and check them.

    Raises:
        UserError: naming the option: a folder that does not exist, or another illegal value.
    """
    values = {}
    for option in (NJ, *declared):
        value = values[option.name] = given.pop(option.name, option.default)
        if isinstance(value, Path) and not value.is_dir():
            raise UserError(f"--{option.name} {value}: no such folder; unpack the corpus there or leave the option out")
        if problem := option.problem(value):
            raise UserError(f"--{option.name}{problem}")
    if given:
        raise TypeError(f"no such options: {', '.join(given)}")
    return Options(**values)


@dataclass
class SetContent:
    """Content of a split of a corpus, or of a set of a recipe.

    Attributes:
        origin: the first entries of provenance.json: corpus, root, version, license.
        counts: numbers found and published; lower ones are an error unless `allow_incomplete`.
        trials: name -> list.
        details: lines for the user on what the set contains.
        notes: lines for the user on deviations from the published corpus.
    """

    origin: Mapping[str, str]
    utterances: list[Utterance] = field(default_factory=list)
    excluded: Exclusions = field(default_factory=Exclusions)
    counts: list[Count] = field(default_factory=list)
    trials: Mapping[str, list[Trial]] = field(default_factory=dict)
    details: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Corpus:
    """A public corpus.

    Attributes:
        option: name of the option that takes the root folder; also the start of the names of its sets.
        layout: of the root folder, for `--help`.
        read: reads a split, given the options, the split's name, and a folder for unpacked files.
        options: further options of this corpus.
    """

    option: str
    title: str
    license: str
    layout: str
    read: Callable[[Options, str, Path], SetContent]
    options: tuple[Option, ...] = ()

    @property
    def all_options(self) -> tuple[Option, ...]:
        return (Option(self.option, None, f"{self.title}: folder with {self.layout}"), *self.options)

    def content(self, options: Options, **origin: str) -> SetContent:
        """Return an empty content with this corpus's origin."""
        root = str(getattr(options, self.option))
        return SetContent({"corpus": self.title, "root": root, **origin, "licence": self.license})


def choose_parts(
    content: SetContent,
    split: str,
    options: Options,
    chosen: Sequence[str],
    present: Sequence[str],
    published_parts: Iterable[str],
    file_of: Callable[[str], Path] = Path,
) -> list[str]:
    """Return the parts (languages) to read: the chosen ones, or all on disk; notes what is missing.

    Args:
        present: parts that are on disk.
        published_parts: all parts of the corpus.
        file_of: returns the file of a part that is not on disk, for messages.

    Raises:
        IncompleteCorpusError: chosen parts are not on disk, unless `allow_incomplete`.
    """
    corpus = content.origin["corpus"]
    missing = [str(file_of(part)) for part in chosen if part not in present]
    if missing and not options.allow_incomplete:
        raise incomplete([f"{corpus} lacks {listed(missing)}"])
    content.notes += [f"{corpus} is not whole: no {path}" for path in missing]
    absent = sorted(set(published_parts) - set(present))
    if absent and not chosen:
        content.notes.append(f"{corpus} {split}: {len(absent)} of its languages are not here: {listed(absent)}")
    return [part for part in chosen or present if part in present]


def add_parts(
    content: SetContent,
    split: str,
    unit: str,
    parts: Iterable[str],
    parse: Callable[[str, Exclusions, int, float], list[Utterance]],
    options: Options,
    is_counted: Callable[[Utterance], bool] = lambda utterance: True,
) -> None:
    """Add the utterances of each part (language, pair of languages), and count them where a number is published.

    Args:
        unit: what the published numbers count, for instance `clips`.
        parse: reads a part; called with `(part, excluded, nj, max_left_out)`.
        is_counted: whether an utterance is included in the published number.

    Raises:
        UserError: of `parse`.
    """
    release = [content.origin[key] for key in ("corpus", "version") if key in content.origin]
    numbers, corpus = published(*release, split), " ".join(release)
    found = []
    for part in parts:
        excluded = Exclusions()
        utterances = parse(part, excluded, options.nj, options.max_left_out)
        number = num_on_disk(sum(map(is_counted, utterances)), excluded)
        found.append(part)
        if part in numbers:
            content.counts.append(Count(f"{corpus} {part} {split}: {unit}", number, numbers[part]))
        content.utterances += utterances
        content.excluded.entries += excluded.entries
    content.notes += unknown_counts(f"{corpus} {split} {unit}", found, numbers)


def count_recordings(content: SetContent, *unpublished: str, **further: int) -> None:
    """Count the speakers and recordings of a whole corpus.

    Args:
        unpublished: reasons of excluded recordings that were not counted for publication.
        further: further numbers, by their names in published.yaml.
    """
    corpus = content.origin["corpus"]
    recordings = {utterance.id for utterance in content.utterances}
    recordings |= {e.utterance for e in content.excluded.entries if e.reason not in {*MISSING, *unpublished}}
    speakers = {utterance.speaker for utterance in content.utterances}
    found = {"speakers": len(speakers), "recordings": len(recordings)} | further
    content.counts += counted(corpus, found, published(corpus))
