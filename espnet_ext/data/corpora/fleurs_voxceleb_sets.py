"""Which utterances of which corpus go into which set of egs/fleurs_voxceleb."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from espnet_ext.data.corpora import common_voice, fleurs
from espnet_ext.data.corpora.common_voice_counts import clips_of
from espnet_ext.data.corpora.counted_parts import Published, add_parts
from espnet_ext.data.corpora.fleurs_voxceleb_options import FleursVoxcelebOptions
from espnet_ext.data.corpora.incomplete import incomplete, listed
from espnet_ext.data.corpora.mtedx import parse_mtedx
from espnet_ext.data.corpora.prepared_set import (
    PreparedSet,
    Sets,
    or_not_prepared,
    without_speakers_of,
    without_texts_of,
)
from espnet_ext.data.corpora.published_counts import (
    FLEURS_TEST,
    MTEDX_TEST,
    VOXPOPULI,
    absent_languages,
    check_counts,
    fleurs_counts,
    unknown_counts,
)
from espnet_ext.data.corpora.rare_labels import common_labels, with_labels_among
from espnet_ext.data.corpora.voxpopuli import describe_recurring_ids, parse_voxpopuli_asr
from espnet_ext.data.corpora.voxpopuli_s2s import parse_voxpopuli_s2s
from espnet_ext.data.corpora.voxpopuli_segments import LANGUAGES, SPLITS, present_languages
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance


def fleurs_sets(options: FleursVoxcelebOptions, data: Path) -> Sets:
    """fleurs_{train,dev,test}; a training sentence whose text is also in dev or test is left out."""
    origin = {"corpus": "FLEURS", "root": str(options.fleurs), "licence": "CC-BY 4.0"}
    missing = {split: fleurs.missing_parts(options.fleurs, options.languages, split) for split in fleurs.SPLITS}
    paths = sorted({path for parts in missing.values() for path in parts.values()})
    if paths and not options.allow_incomplete:
        raise incomplete([f"FLEURS lacks {listed(paths)}"])
    sets: dict[str, PreparedSet] = {}
    for split in fleurs.SPLITS:
        languages = [language for language in options.languages if language not in missing[split]]
        excluded = Exclusions()
        utterances = fleurs.parse_fleurs(
            options.fleurs, split, languages, data / "fleurs_audio", excluded, options.nj, options.max_left_out
        )
        counts = fleurs_counts(split, utterances, options.languages)
        notes = [f"FLEURS {split} of {language} is not there: {path}" for language, path in missing[split].items()]
        notes += check_counts(counts, options.allow_incomplete)
        notes += unknown_counts("FLEURS", split, "recordings", languages, FLEURS_TEST if split == "test" else ())
        sets[split] = PreparedSet(f"fleurs_{split}", utterances, excluded, origin, counts, notes=notes)
    train = sets["train"]
    evaluation = [*sets["dev"].utterances, *sets["test"].utterances]
    train.utterances = without_texts_of(train.utterances, evaluation, train.excluded)
    yield from sets.values()


def common_voice_sets(options: FleursVoxcelebOptions, data: Path) -> Sets:
    """commonvoice_{train,dev}; train lacks the sentences and speakers of dev, which the release may share."""
    dev, train = _common_voice_split(options, "dev"), _common_voice_split(options, "train")
    train.utterances = without_speakers_of(train.utterances, dev.utterances, train.excluded)
    train.utterances = without_texts_of(train.utterances, dev.utterances, train.excluded)
    _drop_rare_accents(train, dev, options.min_accent_speakers)
    yield from (dev, train)


def _common_voice_split(options: FleursVoxcelebOptions, split: str) -> PreparedSet:
    root = options.commonvoice
    release = common_voice.release_folder(root)
    published = Published(f"Common Voice {release.name}", split, "clips", clips_of(release.name, split))
    present = common_voice.list_languages(root, split)
    languages = options.commonvoice_languages or present
    missing = [str(release / language / f"{split}.tsv") for language in languages if language not in present]
    if missing and not options.allow_incomplete:
        raise incomplete([f"Common Voice lacks {listed(missing)}"])
    origin = {"corpus": "Common Voice", "root": str(root), "version": release.name, "licence": "CC0 1.0"}
    prepared = PreparedSet(f"commonvoice_{split}", [], Exclusions(), origin)
    prepared.notes += [f"Common Voice is not whole: no {path}" for path in missing]
    if not options.commonvoice_languages:
        prepared.notes += absent_languages(f"Common Voice {split}", published.counts, present)

    def parse(language: str, lost: Exclusions) -> list[Utterance]:
        return common_voice.parse_common_voice(root, split, language, lost, options.nj, options.max_left_out)

    wanted = [language for language in languages if language in present]
    add_parts(prepared, wanted, parse, published, options.allow_incomplete)
    return prepared


def _drop_rare_accents(train: PreparedSet, dev: PreparedSet, min_speakers: int) -> None:
    """Accents are free text; those of few training speakers are no labels, in dev neither."""
    known = common_labels(train.utterances, "accent", 1)
    common = common_labels(train.utterances, "accent", min_speakers)
    for prepared in (train, dev):
        prepared.utterances = with_labels_among(prepared.utterances, "accent", common)
    if known != common:
        train.notes.append(
            f"{len(common)} of {len(known)} accents have {min_speakers} training speakers (--min_accent_speakers); "
            "the others are no labels"
        )


def voxpopuli_sets(options: FleursVoxcelebOptions, data: Path) -> Sets:
    """voxpopuli_{train,dev,test} of the transcribed speech, and the aligned pairs voxpopuli_s2s."""
    languages_of: dict[str, set[str]] = {}
    for split in SPLITS:
        make = partial(_voxpopuli_split, options, split, languages_of)
        yield or_not_prepared(f"voxpopuli_{split}", options.allow_incomplete, make)
    yield or_not_prepared("voxpopuli_s2s", options.allow_incomplete, partial(_voxpopuli_pairs, options))


def _voxpopuli_split(options: FleursVoxcelebOptions, split: str, languages_of: dict[str, set[str]]) -> PreparedSet:
    """One split; `languages_of`, see `describe_recurring_ids`, holds the speakers of the splits before."""
    prepared = PreparedSet(f"voxpopuli_{split}", [], Exclusions(), _voxpopuli_origin(options))
    languages = present_languages(options.voxpopuli)
    prepared.notes += absent_languages(f"VoxPopuli {split}", LANGUAGES, languages)

    def parse(language: str, lost: Exclusions) -> list[Utterance]:
        return parse_voxpopuli_asr(options.voxpopuli, split, language, lost, options.nj, options.max_left_out)

    published = Published("VoxPopuli", split, "segments", VOXPOPULI[split])
    add_parts(prepared, languages, parse, published, options.allow_incomplete)
    prepared.notes += describe_recurring_ids(prepared.utterances, languages_of)
    return prepared


def _voxpopuli_pairs(options: FleursVoxcelebOptions) -> PreparedSet:
    excluded = Exclusions()
    utterances = parse_voxpopuli_s2s(options.voxpopuli, excluded, options.nj, max_left_out=options.max_left_out)
    notes = ["no published count known for VoxPopuli speech-to-speech pairs"]
    return PreparedSet("voxpopuli_s2s", utterances, excluded, _voxpopuli_origin(options), notes=notes)


def _voxpopuli_origin(options: FleursVoxcelebOptions) -> dict[str, str]:
    return {"corpus": "VoxPopuli", "root": str(options.voxpopuli), "licence": "CC0 1.0"}


def mtedx_sets(options: FleursVoxcelebOptions, data: Path) -> Sets:
    """mtedx_test: the test segments of all pairs, each with its translations."""
    yield or_not_prepared("mtedx_test", options.allow_incomplete, partial(_mtedx_test, options))


def _mtedx_test(options: FleursVoxcelebOptions) -> PreparedSet:
    origin = {"corpus": "mTEDx", "root": str(options.mtedx), "licence": "CC BY-NC-ND 4.0"}
    prepared = PreparedSet("mtedx_test", [], Exclusions(), origin)

    def parse(pair: str, lost: Exclusions) -> list[Utterance]:
        return parse_mtedx(options.mtedx, pair, "test", lost, options.nj, options.max_left_out)

    published = Published("mTEDx", "test", "translated segments", MTEDX_TEST)
    add_parts(prepared, options.mtedx_pairs, parse, published, options.allow_incomplete, _is_translated)
    merged: dict[str, Utterance] = {}
    for utterance in prepared.utterances:
        # A talk may be translated into several languages, one pair each.
        first = merged.get(utterance.id, utterance)
        merged[utterance.id] = replace(first, translations={**first.translations, **utterance.translations})
    prepared.utterances = list(merged.values())
    return prepared


def _is_translated(utterance: Utterance) -> bool:
    return bool(utterance.translations)
