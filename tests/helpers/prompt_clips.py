"""Real speech for the tiny corpora of the paper's recipe: the telephone prompts of egs/mini_prompts."""

from collections.abc import Iterable

import asterisk
import asterisk_extra
import pocketsphinx_data
from espnet_ext.audio import RATE
from espnet_ext.audio.waveform import read_audio, resample
from espnet_ext.hub.download import default_cache
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from helpers.clips import Clip
from packages.debian import fetch_debian
from packages.pinned import DEBIAN_PACKAGES

LANGUAGES = ("eng", "fra", "ita")
MAX_DURATION_S = 5
WORDS_AT_LEAST = 2
CLIPS_OF_VOICE = 6


def sentences_in_all_languages(count: int) -> list[dict[str, Clip]]:
    """`count` sentences of two or more words, each as language -> clip, in the order of their keys."""
    voices = [voice for voice in asterisk.CORE_VOICES if voice.language in LANGUAGES]
    roots = _fetch(name for voice in voices for name in (voice.audio_package, voice.text_package))
    prompts = {
        voice.language: asterisk.parse_core_voice(
            voice, roots[voice.audio_package], roots[voice.text_package], Exclusions()
        )
        for voice in voices
    }
    shared = sorted(set.intersection(*(_usable(utterances) for utterances in prompts.values())))
    return [
        {language: _clip(utterances[key], key) for language, utterances in prompts.items()} for key in shared[:count]
    ]


def further_voices() -> dict[str, list[Clip]]:
    """Speaker -> a few clips, of voices that speak none of `sentences_in_all_languages`."""
    roots = _fetch([*(voice.package for voice in asterisk_extra.EXTRA_VOICES), pocketsphinx_data.PACKAGE])
    utterances = [
        utterance
        for voice in asterisk_extra.EXTRA_VOICES
        for utterance in asterisk_extra.parse_extra_voice(voice, roots[voice.package], {}, CLIPS_OF_VOICE, Exclusions())
    ]
    utterances += pocketsphinx_data.parse_pocketsphinx(roots[pocketsphinx_data.PACKAGE])
    voices: dict[str, list[Clip]] = {}
    for utterance in utterances:
        clips = voices.setdefault(utterance.speaker, [])
        if utterance.num_samples < MAX_DURATION_S * RATE and len(clips) < CLIPS_OF_VOICE:
            clips.append(_clip(utterance, utterance.id))
    return {speaker: clips for speaker, clips in voices.items() if len(clips) > 1}


def _fetch(names: Iterable[str]) -> dict:
    return fetch_debian([DEBIAN_PACKAGES[name] for name in names], default_cache()).roots


def _usable(utterances: dict[str, Utterance]) -> set[str]:
    return {
        key
        for key, utterance in utterances.items()
        if utterance.text
        and len(utterance.text.split()) >= WORDS_AT_LEAST
        and RATE < utterance.num_samples < MAX_DURATION_S * RATE
    }


def _clip(utterance: Utterance, sentence: str) -> Clip:
    samples = resample(*read_audio(utterance.path))
    return Clip(utterance.speaker, utterance.language, sentence, utterance.text or "", samples)
