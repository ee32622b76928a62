"""Sets of fleurs_voxceleb: the table of its corpora, and their options."""

from dataclasses import replace

from espnet_ext.corpora import common_voice, fleurs, mls, mtedx, voxceleb, voxpopuli_s2s
from espnet_ext.corpora.corpus import Option, SetContent
from espnet_ext.corpora.corpus_set import CorpusSet, Preparation, read_apart, split_set, split_sets
from espnet_ext.corpora.labels import frequent_labels, with_labels_among
from espnet_ext.corpora.recipe import CorpusEntry, Recipe
from espnet_ext.corpora.voxpopuli import describe_recurring_ids
from voxceleb_sets import VOXCELEB1_SETS, VOXCELEB2_OPTIONS, VOXCELEB2_SETS

# VoxPopuli's own splits share speakers and phrases ("Thank you, Mr President"). It is not in the default training set.
OFFICIAL = ("speaker", "text")


def common_voice_train(preparation: Preparation) -> SetContent:
    """Training split apart from dev; accents, which are free text, are labels if enough speakers have them."""
    minimum = preparation.options.min_accent_speakers
    content = read_apart(preparation, common_voice.CORPUS, "train", "dev")
    known = frequent_labels(content.utterances, "accent", 1)
    frequent = frequent_labels(content.utterances, "accent", minimum)
    content.utterances = with_labels_among(content.utterances, "accent", frequent)
    if known != frequent:
        content.notes.append(
            f"{len(frequent)} of {len(known)} accents have {minimum} training speakers (--min_accent_speakers); "
            "the others are no labels"
        )
    return content


def common_voice_dev(preparation: Preparation) -> SetContent:
    """Dev split, with the accents that training has."""
    trained = frequent_labels(preparation.content("commonvoice_train").utterances, "accent", 1)
    content = preparation.read(common_voice.CORPUS, "dev")
    return replace(content, utterances=with_labels_among(content.utterances, "accent", trained))


def voxpopuli_set(split: str) -> CorpusSet:
    """A split of the transcribed speech, with a note on speaker ids that recur in several languages."""
    plain = split_set(voxpopuli_s2s.CORPUS, split)

    def make(preparation: Preparation) -> SetContent:
        languages_of: dict[str, set[str]] = {}
        for earlier in preparation.made.values():
            describe_recurring_ids(earlier.utterances, languages_of)
        content = plain.make(preparation)
        content.notes += describe_recurring_ids(content.utterances, languages_of)
        return content

    held_out = ("dev", "test", "s2s") if split == "train" else ()
    return CorpusSet(plain.name, make, {f"voxpopuli_{name}": OFFICIAL for name in held_out})


RECIPE = Recipe(
    description="Stage 1 of egs/fleurs_voxceleb: make its sets in data/ from the corpora that are on disk.",
    corpora=(
        CorpusEntry(
            fleurs.CORPUS,
            "no semantic training and no retrieval on FLEURS",
            split_sets(fleurs.CORPUS, "dev", "test"),
        ),
        CorpusEntry(
            voxceleb.VOXCELEB2,
            "no speaker training on VoxCeleb 2, no calibration (actDCF, Cllr), no AS-norm",
            VOXCELEB2_SETS,
        ),
        CorpusEntry(voxceleb.VOXCELEB1, "no speaker verification on VoxCeleb 1", VOXCELEB1_SETS, optional=True),
        CorpusEntry(
            common_voice.CORPUS,
            "no training as in the paper (conf/train_paper.yaml)",
            (
                CorpusSet("commonvoice_dev", common_voice_dev),
                CorpusSet("commonvoice_train", common_voice_train, {"commonvoice_dev": ()}),
            ),
        ),
        CorpusEntry(
            voxpopuli_s2s.CORPUS,
            "no speech-to-speech retrieval on VoxPopuli",
            (*map(voxpopuli_set, ("train", "dev", "test")), split_set(voxpopuli_s2s.CORPUS, "s2s")),
            optional=True,
        ),
        CorpusEntry(
            mtedx.CORPUS, "no speech-to-text retrieval on mTEDx", (split_set(mtedx.CORPUS, "test"),), optional=True
        ),
        CorpusEntry(mls.CORPUS, "no training on MLS", split_sets(mls.CORPUS, "dev", "test")),
    ),
    options=(
        *VOXCELEB2_OPTIONS,
        Option("min_accent_speakers", 20, "Common Voice speakers of an accent that make it a label", minimum=1),
    ),
)
