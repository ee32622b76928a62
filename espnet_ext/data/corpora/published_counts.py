"""How large the corpora are by those who published them, and what follows when a copy on disk is not."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from espnet_ext.data.corpora.fleurs_languages import LANGUAGES
from espnet_ext.data.corpora.incomplete import incomplete, listed
from espnet_ext.data.corpora.lengths import MISSING
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.trials import Trial
from espnet_ext.kaldi.utterances import Utterance

# Sentences of FLoRes in each split, all languages taken together.
FLEURS_SENTENCES = {"train": 1509, "dev": 150, "test": 350}
# Recordings and sentences of the test split, of the languages whose counts are published.
FLEURS_TEST = {"en_us": (647, 350), "de_de": (862, 347), "fr_fr": (676, 332), "es_419": (908, 348)}
# Speakers and utterances of each part.
VOXCELEB = {
    ("voxceleb1", "dev"): (1211, 148642),
    ("voxceleb1", "test"): (40, 4874),
    ("voxceleb2", "dev"): (5994, 1092009),
    ("voxceleb2", "test"): (118, 36273),
}
TRIALS = {"O": 37611, "O-original": 37720, "E": 579818, "E-original": 581480, "H": 550894, "H-original": 552536}
# Segments of the transcribed speech (README of ESPnet's egs3/voxpopuli/asr); the corpus's paper gives hours only.
VOXPOPULI = {"train": {"en": 182482}, "dev": {"en": 1753}, "test": {"en": 1842}}
# Segments of the test part that have a translation (Gong et al., 2021, arXiv 2106.10840, table 9).
MTEDX_TEST = {
    "el-en": 1024, "es-en": 1001, "es-fr": 1005, "es-it": 262, "es-pt": 1002, "fr-en": 1058, "fr-es": 1057,
    "fr-pt": 1058, "it-en": 999, "it-es": 999, "pt-en": 1019, "pt-es": 1018, "ru-en": 1124,
}  # fmt: skip
# Speakers and recordings: Cao et al., 2014 (CREMA-D); Livingstone and Russo, 2018, doi 10.1371/journal.pone.0196391
# (RAVDESS). IEMOCAP: its turns, and its turns of the four usual classes, as public recipes count them.
EMOTION = {"CREMA-D": (91, 7442), "RAVDESS": (24, 1440), "IEMOCAP": (10, 10039)}
IEMOCAP_FOUR_CLASSES = 5531


class Count(NamedTuple):
    """How many of something there are here, and how many there should be."""

    what: str
    found: int
    published: int

    def __str__(self) -> str:
        return f"{self.what}: {self.found:,} here, {self.published:,} published ({self.found - self.published:+,})"


def fleurs_counts(split: str, utterances: Sequence[Utterance], languages: Iterable[str]) -> list[Count]:
    """Sentences of a split when all languages are asked for; recordings and sentences of each known test set."""
    counts = []
    if set(languages) == set(LANGUAGES):
        sentences = {utterance.sentence for utterance in utterances}
        counts.append(Count(f"FLEURS {split}: sentences", len(sentences), FLEURS_SENTENCES[split]))
    for language in sorted(set(languages) & set(FLEURS_TEST)) if split == "test" else ():
        own = [u.sentence for u in utterances if u.id.startswith(f"fleurs-{language}-")]
        recordings, sentences = FLEURS_TEST[language]
        counts.append(Count(f"FLEURS {language} test: recordings", len(own), recordings))
        counts.append(Count(f"FLEURS {language} test: sentences", len(set(own)), sentences))
    return counts


def voxceleb_counts(corpus: str, part: str, utterances: Sequence[Utterance]) -> list[Count]:
    """Speakers and utterances of a part."""
    speakers, number = VOXCELEB[corpus, part]
    found = len({utterance.speaker for utterance in utterances})
    return [
        Count(f"{corpus} {part}: speakers", found, speakers),
        Count(f"{corpus} {part}: utterances", len(utterances), number),
    ]


def part_counts(
    corpus: str, split: str, unit: str, found: Mapping[str, int], published: Mapping[str, int]
) -> list[Count]:
    """Counts of those parts of a split (languages, pairs) of which one is published.

    Args:
        unit: what is counted, for instance `clips`.
        found: part -> how many there are here.
        published: part -> how many there should be.
    """
    return [
        Count(f"{corpus} {part} {split}: {unit}", number, published[part])
        for part, number in found.items()
        if part in published
    ]


def unknown_counts(corpus: str, split: str, unit: str, found: Iterable[str], published: Iterable[str]) -> list[str]:
    """A line on the parts of which no count is published; nothing where all are."""
    unknown = sorted(set(found) - set(published))
    return [f"no published count known for {corpus} {split} {unit}: {listed(unknown)}"] if unknown else []


def num_there(num_kept: int, excluded: Exclusions) -> int:
    """Number of recordings on the disk: what a rule excludes was published, too."""
    return num_kept + sum(entry.reason not in MISSING for entry in excluded.entries)


def emotion_counts(corpus: str, num_speakers: int, num_recordings: int) -> list[Count]:
    """Speakers and recordings of a corpus of emotions, those left out included."""
    speakers, recordings = EMOTION[corpus]
    return [
        Count(f"{corpus}: speakers", num_speakers, speakers),
        Count(f"{corpus}: recordings", num_recordings, recordings),
    ]


def trial_counts(trials: Mapping[str, Sequence[Trial]]) -> list[Count]:
    """Trials of each list."""
    return [Count(f"trial list {name}: trials", len(trials[name]), TRIALS[name]) for name in trials]


def check_counts(counts: Iterable[Count], allow_incomplete: bool) -> list[str]:
    """A line for every count that is not the published one.

    Raises:
        UserError: listing what there is less of than published, unless `allow_incomplete`.
    """
    deviations = [count for count in counts if count.found != count.published]
    fewer = [str(count) for count in deviations if count.found < count.published]
    if fewer and not allow_incomplete:
        raise incomplete(fewer)
    return [str(count) for count in deviations]


def absent_languages(corpus: str, languages: Iterable[str], present: Iterable[str]) -> list[str]:
    """A line on the languages of a corpus of which nothing is here; nothing where all are."""
    absent = sorted(set(languages) - set(present))
    return [f"{corpus}: {len(absent)} of its languages are not here: {listed(absent)}"] if absent else []
