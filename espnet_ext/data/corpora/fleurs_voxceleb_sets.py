"""Which utterances of which corpus go into which set of egs/fleurs_voxceleb."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from espnet_ext.data.corpora import common_voice, fleurs
from espnet_ext.data.corpora.fleurs_voxceleb_options import Options
from espnet_ext.data.corpora.mtedx import parse_mtedx
from espnet_ext.data.corpora.prepared_set import (
    PreparedSet,
    Sets,
    or_not_prepared,
    without_speakers_of,
    without_texts_of,
)
from espnet_ext.data.corpora.published_counts import check_counts, fleurs_counts, incomplete
from espnet_ext.data.corpora.rare_labels import common_labels, with_labels_among
from espnet_ext.data.corpora.voxpopuli import parse_voxpopuli_asr
from espnet_ext.data.corpora.voxpopuli_s2s import parse_voxpopuli_s2s
from espnet_ext.data.data_dir import Utterance
from espnet_ext.data.left_out import LeftOut

MAX_LISTED = 10  # missing parts in a message


def fleurs_sets(options: Options, data: Path) -> Sets:
    """fleurs_{train,dev,test}; a training sentence whose text is also in dev or test is left out."""
    origin = {"corpus": "FLEURS", "root": str(options.fleurs), "licence": "CC-BY 4.0"}
    missing = {split: fleurs.missing_parts(options.fleurs, options.languages, split) for split in fleurs.SPLITS}
    paths = sorted({path for parts in missing.values() for path in parts.values()})
    if paths and not options.allow_incomplete:
        raise incomplete([_lacks("FLEURS", paths)])
    sets: dict[str, PreparedSet] = {}
    for split in fleurs.SPLITS:
        languages = [language for language in options.languages if language not in missing[split]]
        left_out = LeftOut()
        utterances = fleurs.parse_fleurs(
            options.fleurs, split, languages, data / "fleurs_audio", left_out, options.nj, options.max_left_out
        )
        counts = fleurs_counts(split, utterances, options.languages)
        notes = [f"FLEURS {split} of {language} is not there: {path}" for language, path in missing[split].items()]
        notes += check_counts(counts, options.allow_incomplete)
        sets[split] = PreparedSet(f"fleurs_{split}", utterances, left_out, origin, counts, notes=notes)
    train = sets["train"]
    evaluation = [*sets["dev"].utterances, *sets["test"].utterances]
    train.utterances = without_texts_of(train.utterances, evaluation, train.left_out)
    yield from sets.values()


def _lacks(corpus: str, paths: Sequence[str]) -> str:
    more = f" and {len(paths) - MAX_LISTED} more" if len(paths) > MAX_LISTED else ""
    return f"{corpus} lacks {', '.join(paths[:MAX_LISTED])}{more}"


def common_voice_sets(options: Options, data: Path) -> Sets:
    """commonvoice_{train,dev}; train lacks the sentences and speakers of dev, which the release may share."""
    release = common_voice.release_folder(options.commonvoice)
    origin = {"corpus": "Common Voice", "root": str(options.commonvoice), "version": release.name, "licence": "CC0 1.0"}
    sets: dict[str, PreparedSet] = {}
    for split in ("dev", "train"):
        present = common_voice.list_languages(options.commonvoice, split)
        languages = options.commonvoice_languages or present
        missing = [str(release / language / f"{split}.tsv") for language in languages if language not in present]
        if missing and not options.allow_incomplete:
            raise incomplete([_lacks("Common Voice", missing)])
        left_out = LeftOut()
        wanted = [language for language in languages if language in present]
        utterances = common_voice.parse_common_voice(
            options.commonvoice, split, wanted, left_out, options.nj, options.max_left_out
        )
        notes = [f"Common Voice is not whole: no {path}" for path in missing]
        sets[split] = PreparedSet(f"commonvoice_{split}", utterances, left_out, origin, notes=notes)
    train, dev = sets["train"], sets["dev"]
    train.utterances = without_speakers_of(train.utterances, dev.utterances, train.left_out)
    train.utterances = without_texts_of(train.utterances, dev.utterances, train.left_out)
    _drop_rare_accents(train, dev, options.min_accent_speakers)
    yield from sets.values()


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


def voxpopuli_sets(options: Options, data: Path) -> Sets:
    """voxpopuli_{train,dev,test} of the transcribed speech, and the aligned pairs voxpopuli_s2s."""
    origin = {"corpus": "VoxPopuli", "root": str(options.voxpopuli), "licence": "CC0 1.0"}
    for split in ("train", "dev", "test"):
        name = f"voxpopuli_{split}"

        def transcribed(name: str = name, split: str = split) -> PreparedSet:
            left_out = LeftOut()
            utterances = parse_voxpopuli_asr(options.voxpopuli, split, None, left_out, options.nj)
            return PreparedSet(name, utterances, left_out, origin)

        yield or_not_prepared(name, options.allow_incomplete, transcribed)

    def pairs() -> PreparedSet:
        left_out = LeftOut()
        utterances = parse_voxpopuli_s2s(options.voxpopuli, left_out, options.nj)
        return PreparedSet("voxpopuli_s2s", utterances, left_out, origin)

    yield or_not_prepared("voxpopuli_s2s", options.allow_incomplete, pairs)


def mtedx_sets(options: Options, data: Path) -> Sets:
    """mtedx_test: the test segments of all pairs, each with its translations."""
    origin = {"corpus": "mTEDx", "root": str(options.mtedx), "licence": "CC BY-NC-ND 4.0"}

    def translated() -> PreparedSet:
        left_out = LeftOut()
        merged: dict[str, Utterance] = {}
        for pair in options.mtedx_pairs:
            for utterance in parse_mtedx(options.mtedx, pair, "test", left_out, options.nj):
                # A talk may be translated into several languages, one pair each.
                first = merged.get(utterance.id, utterance)
                merged[utterance.id] = replace(first, translations={**first.translations, **utterance.translations})
        return PreparedSet("mtedx_test", list(merged.values()), left_out, origin)

    yield or_not_prepared("mtedx_test", options.allow_incomplete, translated)
