"""Stage 1 of a recipe: from corpora on disk to checked data directories."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from espnet_ext.audio import RATE
from espnet_ext.corpora.corpus import ALLOW_INCOMPLETE, Corpus, Option, Options, SetContent, make_options
from espnet_ext.corpora.corpus_set import CorpusSet, Preparation, SetSkippedError
from espnet_ext.corpora.lengths import IncompleteCorpusError
from espnet_ext.corpora.published import check_counts
from espnet_ext.kaldi.overlap import validate_split
from espnet_ext.kaldi.trials import write_trials
from espnet_ext.kaldi.utterances import write_utterances
from espnet_ext.kaldi.validate import validate_data_dir
from espnet_ext.utils.atomic import atomic_folder, remove_temporary, write_json_atomic, write_text_atomic
from espnet_ext.utils.errors import UserError

EXCLUSIONS = ".excluded.tsv"
NOT_PREPARED = "not_prepared.tsv"


@dataclass(frozen=True)
class CorpusEntry:
    """A line of a recipe's table of corpora.

    Attributes:
        disables: consequence of not giving the corpus, for the user.
        sets: made of this corpus only.
        optional: with `--allow_incomplete`, a set that cannot be made is skipped.
    """

    corpus: Corpus
    disables: str = ""
    sets: tuple[CorpusSet, ...] = ()
    optional: bool = False


@dataclass(frozen=True)
class Recipe:
    """Stage 1 of a recipe.

    Attributes:
        options: further options, not those of the corpora.
        joint_sets: made of all given corpora together.
        check: raises UserError if options contradict each other.
    """

    description: str
    corpora: tuple[CorpusEntry, ...]
    options: tuple[Option, ...] = ()
    joint_sets: tuple[CorpusSet, ...] = ()
    check: Callable[[Options], None] = lambda options: None

    def declared_options(self) -> tuple[Option, ...]:
        """All options except `nj`: of the corpora, of the recipe, and `allow_incomplete`."""
        of_corpora = [option for entry in self.corpora for option in entry.corpus.all_options]
        return (*of_corpora, *self.options, ALLOW_INCOMPLETE)

    def make_options(self, **given: Any) -> Options:
        """Complete the given values with the defaults, and check them (UserError)."""
        options = make_options(self.declared_options(), **given)
        self.check(options)
        return options


def prepare(recipe: Recipe, options: Options, data: Path) -> Iterator[str]:
    """Make and check the sets of the given corpora, and list the others in `data/not_prepared.tsv`.

    Yields:
        lines for the user: contents of the sets, deviations from the published corpora, and missing sets.

    Raises:
        UserError: no corpus given, something missing or broken, or an overlap of training and evaluation.
    """
    given = [entry for entry in recipe.corpora if getattr(options, entry.corpus.option) is not None]
    if not given:
        roots = " ".join(f"--{entry.corpus.option}" for entry in recipe.corpora)
        raise UserError(f"no corpus given; name the folder of at least one: {roots}")
    data.mkdir(parents=True, exist_ok=True)
    remove_temporary(data)
    # NOT_PREPARED is written at the end: it marks that all sets are done.
    for path in (*data.glob(f"*{EXCLUSIONS}"), data / NOT_PREPARED):
        path.unlink(missing_ok=True)
    skipped: dict[str, str] = {}
    made: list[CorpusSet] = []
    for entry in recipe.corpora:
        if entry in given:
            preparation = Preparation(options, data, [entry.corpus], entry.sets)
            yield from _write_sets(preparation, entry.sets, entry.optional, made, skipped)
        elif entry.sets:
            names = [one.name for one in entry.sets]
            skipped |= dict.fromkeys(names, f"--{entry.corpus.option} not given")
            yield f"--{entry.corpus.option} not given: {entry.disables} ({', '.join(names)} left out)"
    preparation = Preparation(options, data, [entry.corpus for entry in given], recipe.joint_sets)
    yield from _write_sets(preparation, recipe.joint_sets, False, made, skipped)
    _check_splits(data, made)
    _write_not_prepared(data, skipped)


def _write_sets(
    preparation: Preparation, sets: Sequence[CorpusSet], optional: bool, made: list[CorpusSet], skipped: dict[str, str]
) -> Iterator[str]:
    """Write some sets; adds each to `made`, or the reason to `skipped`."""
    printed: set[str] = set()  # sets of the same corpora have the same notes
    contents = [_make(one.name, preparation, optional) for one in sets]
    for one, content in zip(sets, contents, strict=True):
        path = preparation.data / one.name
        if isinstance(content, str):
            skipped[one.name] = content
        elif not content.utterances:
            exclusions = write_exclusions(path, content)
            skipped[one.name] = f"no utterances, {content.excluded.summary()} (listed in {exclusions})"
        else:
            yield f"{path}: {write_set(path, content)}"
            made.append(one)
        if one.name in skipped:
            yield f"{one.name}: not prepared: {skipped[one.name]}"
        if isinstance(content, SetContent):
            yield from (f"  {line}" for line in content.details)
            yield from (f"  note: {note}" for note in content.notes if note not in printed)
            printed.update(content.notes)


def _make(name: str, preparation: Preparation, optional: bool) -> SetContent | str:
    """The content, or the reason why the set is skipped."""
    try:
        content = preparation.content(name)
        return replace(
            content, notes=content.notes + check_counts(content.counts, preparation.options.allow_incomplete)
        )
    except SetSkippedError as skip:
        return str(skip)
    except UserError as error:
        if not optional:
            raise
        if preparation.options.allow_incomplete:
            return str(error)
        if isinstance(error, IncompleteCorpusError):
            raise
        raise UserError(f"{error} (or continue without {name}: --allow_incomplete true)") from error


def write_set(path: Path, content: SetContent) -> str:
    """Write and validate a data directory atomically.

    Returns:
        one line on its content.

    Raises:
        UserError: naming the first fault.
    """
    hours = round(sum(utterance.num_samples for utterance in content.utterances) / RATE / 3600, 2)
    languages = Counter(utterance.language for utterance in content.utterances)
    provenance = {
        **content.origin,
        "utterances": len(content.utterances),
        "hours": hours,
        "languages": dict(sorted(languages.items())),
        "published_counts": [count._asdict() for count in content.counts],
        "excluded": content.excluded.counts(),
    }
    with atomic_folder(path) as temporary:
        write_utterances(temporary, content.utterances)
        for name, trials in content.trials.items():
            write_trials(temporary / "trials" / name, trials)
        content.excluded.write(temporary / "excluded.tsv")
        write_json_atomic(temporary / "provenance.json", provenance)
        validate_data_dir(temporary)
    trial_lists = "".join(f", {len(listed)} trials {name}" for name, listed in content.trials.items())
    return (
        f"{len(content.utterances)} utterances, {hours:g} h, {len(languages)} languages{trial_lists}; "
        f"{content.excluded.summary()}"
    )


def write_exclusions(path: Path, content: SetContent) -> Path:
    """Write the list of those excluded from a set without utterances next to `path`, and return its name."""
    exclusions = path.with_name(f"{path.name}{EXCLUSIONS}")
    content.excluded.write(exclusions)
    return exclusions


def _check_splits(data: Path, made: list[CorpusSet]) -> None:
    names = {one.name for one in made}
    for one in made:
        for evaluation, shared in one.apart_from.items():
            if evaluation in names:
                validate_split(data / one.name, data / evaluation, shared)


def _write_not_prepared(data: Path, skipped: Mapping[str, str]) -> None:
    for name in skipped:
        # A set of an earlier run with other options would be taken for one of this run.
        if (data / name).is_dir():
            shutil.rmtree(data / name)
    rows = [f"{name}\t{' '.join(reason.split())}\n" for name, reason in sorted(skipped.items())]
    write_text_atomic(data / NOT_PREPARED, "".join(rows))
