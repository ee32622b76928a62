"""The data of egs/mini_prompts: real parallel prompts and voices, and synthetic speech for training.

Sets: `train`, `dev` and `test_sent` (held-out sentences of the five core-sounds voices) and
`test_spk` (voices that are not in the training set).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import asterisk
import asterisk_extra
import gettext_catalogues
import kde
import pocketsphinx_data
from espnet_ext.kaldi.overlap import normalize_text, validate_split
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.atomic import remove_temporary
from mini_prompts_set import SYNTHESIZER, GatheredSet, write_gathered_set
from packages.debian import DebianPackages
from sentence_split import SentenceSplit, split_by_sentence
from synthetic import Line, synthesize

NUM_TEST_SENTENCES, NUM_DEV_SENTENCES = 60, 24
MIN_KDE_TEST_VOICES = 16
MAX_KDE_CHUNKS = {"train": 60, "test_spk": 10}  # of a voice
MAX_EXTRA_UTTERANCES = 40  # of an Asterisk voice without training data

# What an evaluation set may share with train: the tests of sentences share voices, and the test of voices shares the
# meanings of prompts (in other words, by other people).
SHARED = {"dev": {"speaker"}, "test_sent": {"speaker"}, "test_spk": {"sentence", "text"}}


@dataclass(frozen=True)
class SyntheticOptions:
    """Amount of synthetic speech.

    Attributes:
        num_sentences: gettext sentences, each in five languages.
        voices_per_prompt: voices for each training prompt.
        voices_per_sentence: voices for each gettext sentence in each language.
        nj: processes.
    """

    num_sentences: int
    voices_per_prompt: int
    voices_per_sentence: int
    nj: int


def required_packages(options: SyntheticOptions) -> list[str]:
    """The Debian packages that `prepare` needs."""
    core = [name for voice in asterisk.CORE_VOICES for name in (voice.audio_package, voice.text_package)]
    extra = [voice.package for voice in asterisk_extra.EXTRA_VOICES]
    catalogues = gettext_catalogues.PACKAGES if options.num_sentences else ()
    return [*core, *extra, *kde.PACKAGES, pocketsphinx_data.PACKAGE, *catalogues]


def prepare(packages: DebianPackages, data: Path, options: SyntheticOptions) -> dict[str, str]:
    """Make `data/{train,dev,test_sent,test_spk}` and check them.

    Args:
        packages: the `required_packages`; catalogues may be absent.
        data: folder of the sets. Chunks and synthetic speech are written to `data/local`.

    Returns:
        Set -> one line that describes it.

    Raises:
        UserError: names the file, line or utterance with the first error.
    """
    remove_temporary(data)
    roots = packages.roots
    sets = {name: GatheredSet() for name in ("train", "dev", "test_sent", "test_spk")}
    split = _add_core_voices(sets, roots)
    _add_extra_voices(sets["test_spk"], roots, split)
    _add_kde_voices(sets, roots, data / "local/chunks", options.nj)
    _add_synthetic(sets["train"], roots, split, data / "local/synthetic", options)
    lines = {name: write_gathered_set(data / name, gathered, packages) for name, gathered in sets.items()}
    for name, shared in SHARED.items():
        validate_split(data / "train", data / name, shared)
    return lines


def _add_core_voices(sets: Mapping[str, GatheredSet], roots: Mapping[str, Path]) -> SentenceSplit:
    excluded = sets["train"].excluded
    prompts = {
        voice: asterisk.parse_core_voice(voice, roots[voice.audio_package], roots[voice.text_package], excluded)
        for voice in asterisk.CORE_VOICES
    }
    texts = {
        voice.language: {key: u.text for key, u in utterances.items() if u.text is not None}
        for voice, utterances in prompts.items()
    }
    split = split_by_sentence(texts, NUM_TEST_SENTENCES, NUM_DEV_SENTENCES)
    for voice, utterances in prompts.items():
        for key, utterance in utterances.items():
            target, reason = _choose_set(key, utterance, split)
            if reason:
                excluded.add(utterance.id, utterance.path, reason)
            else:
                sentence = split.sentences.get(key, key)
                sets[target].add(voice.audio_package, [replace(utterance, sentence=sentence)])
    return split


def _choose_set(key: str, utterance: Utterance, split: SentenceSplit) -> tuple[str, str | None]:
    """Set of a prompt, and the reason if the prompt is left out."""
    if key in split.test:
        return "test_sent", None
    if key in split.dev:
        return "dev", None
    if key in split.held_out:
        return "train", "says a held-out sentence under another key"
    if utterance.text is not None and normalize_text(utterance.text) in split.held_out_texts:
        return "train", "same text as a held-out sentence"
    return "train", None


def _add_extra_voices(test_spk: GatheredSet, roots: Mapping[str, Path], split: SentenceSplit) -> None:
    for voice in asterisk_extra.EXTRA_VOICES:
        utterances = asterisk_extra.parse_extra_voice(
            voice, roots[voice.package], split.sentences, MAX_EXTRA_UTTERANCES, test_spk.excluded
        )
        test_spk.add(voice.package, utterances)
    for utterance in pocketsphinx_data.parse_pocketsphinx(roots[pocketsphinx_data.PACKAGE]):
        fault = asterisk.duration_fault(
            utterance.num_samples, asterisk_extra.MIN_DURATION_S, asterisk_extra.MAX_DURATION_S
        )
        if fault:
            test_spk.excluded.add(utterance.id, utterance.path, fault)
        else:
            test_spk.add(pocketsphinx_data.PACKAGE, [utterance])


def _add_kde_voices(sets: Mapping[str, GatheredSet], roots: Mapping[str, Path], folder: Path, nj: int) -> None:
    voices = kde.list_voices({name: roots[name] for name in kde.PACKAGES}, sets["train"].excluded)
    test_voices = kde.draw_test_voices(voices, MIN_KDE_TEST_VOICES)
    side = {voice: "test_spk" if voice.speaker in test_voices else "train" for voice in voices}
    parsed = kde.parse_voices(
        {voice: MAX_KDE_CHUNKS[name] for voice, name in side.items()},
        folder,
        nj,
        {voice: sets[name].excluded for voice, name in side.items()},
    )
    for voice, utterances in parsed.items():
        sets[side[voice]].add(voice.package, utterances)


def _add_synthetic(
    train: GatheredSet, roots: Mapping[str, Path], split: SentenceSplit, folder: Path, options: SyntheticOptions
) -> None:
    prompts = sorted({Line(u.language, u.text, u.sentence) for u in train.utterances if u.text and u.sentence})
    sentences = []
    if options.num_sentences:
        catalogues = {name: roots[name] for name in gettext_catalogues.PACKAGES if name in roots}
        sentences = gettext_catalogues.parse_catalogues(catalogues, split.held_out_texts)[: options.num_sentences]
    messages = [Line(language, text, s.id) for s in sentences for language, text in s.texts.items()]
    for name, lines, voices in (
        ("prompts", prompts, options.voices_per_prompt),
        ("messages", messages, options.voices_per_sentence),
    ):
        train.add(SYNTHESIZER, synthesize(lines, voices, folder / name, options.nj, train.excluded))
