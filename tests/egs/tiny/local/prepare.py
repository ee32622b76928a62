"""Prepare a few dozen real utterances with the parsers of egs/mini_prompts: two languages, four unseen voices."""

import argparse
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import asterisk
import asterisk_extra
import pocketsphinx_data
from espnet_ext.audio import RATE
from espnet_ext.bin.entry import run_main
from espnet_ext.hub.download import default_cache
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.overlap import validate_split
from espnet_ext.kaldi.trials import make_trials, write_trials
from espnet_ext.kaldi.utterances import Utterance, write_utterances
from espnet_ext.kaldi.validate import validate_data_dir
from espnet_ext.utils.atomic import atomic_folder
from packages.debian import fetch_debian
from packages.pinned import DEBIAN_PACKAGES
from sentence_split import split_by_sentence

LANGUAGES = ("eng", "fra")
NUM_TEST, NUM_DEV, NUM_TRAIN = 8, 4, 16  # sentences, each in both languages
NUM_OF_VOICE, MAX_DURATION_S = 4, 5  # utterances of an unseen voice
SMALL_VOICES = ("asterisk_es_co", "armelle")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--nj", type=int, required=True, help="as of every data.sh; all is read in one process")
    args = parser.parse_args()
    voices = [voice for voice in asterisk.CORE_VOICES if voice.language in LANGUAGES]
    extra = [voice for voice in asterisk_extra.EXTRA_VOICES if voice.speaker in SMALL_VOICES]
    names = [name for voice in voices for name in (voice.audio_package, voice.text_package)]
    names += [*(voice.package for voice in extra), pocketsphinx_data.PACKAGE]
    roots = fetch_debian([DEBIAN_PACKAGES[name] for name in names], default_cache()).roots

    excluded = Exclusions()
    sets = _core_sets(voices, roots, excluded)
    sets["test_spk"] = [
        utterance
        for voice in extra
        for utterance in asterisk_extra.parse_extra_voice(voice, roots[voice.package], {}, 99, excluded)
    ]
    sets["test_spk"] += pocketsphinx_data.parse_pocketsphinx(roots[pocketsphinx_data.PACKAGE])
    sets["test_spk"] = list(_few_of_each(sets["test_spk"]))
    for name, utterances in sets.items():
        with atomic_folder(args.data / name) as folder:
            write_utterances(folder, utterances)
            excluded.write(folder / "excluded.tsv")
            if name == "test_spk":
                speakers = {utterance.id: utterance.speaker for utterance in utterances}
                write_trials(folder / "trials/verification", make_trials(speakers, {}, 999))
            validate_data_dir(folder)
    for name, shared in {"dev": {"speaker"}, "test_sent": {"speaker"}, "test_spk": {"text"}}.items():
        validate_split(args.data / "train", args.data / name, shared)
    print(f"{args.data}: " + ", ".join(f"{len(utterances)} {name}" for name, utterances in sets.items()))


def _core_sets(
    voices: Iterable[asterisk.CoreVoice], roots: dict[str, Path], excluded: Exclusions
) -> dict[str, list[Utterance]]:
    """Sentences in both languages, by set."""
    prompts = {
        voice.language: asterisk.parse_core_voice(
            voice, roots[voice.audio_package], roots[voice.text_package], excluded
        )
        for voice in voices
    }
    texts = {
        language: {key: utterance.text for key, utterance in utterances.items() if utterance.text}
        for language, utterances in prompts.items()
    }
    split = split_by_sentence(texts, NUM_TEST, NUM_DEV)
    rest = sorted(set.intersection(*map(set, texts.values())) - split.held_out)
    keys = {"train": [key for key in rest if key.startswith("vm-")][:NUM_TRAIN], "dev": split.dev}
    keys["test_sent"] = split.test
    return {
        name: [
            replace(utterances[key], sentence=split.sentences[key])
            for utterances in prompts.values()
            for key in sorted(chosen)
        ]
        for name, chosen in keys.items()
    }


def _few_of_each(utterances: Iterable[Utterance]) -> Iterable[Utterance]:
    """A few short utterances of every speaker."""
    taken: dict[str, int] = {}
    for utterance in utterances:
        count = taken.get(utterance.speaker, 0)
        if count < NUM_OF_VOICE and utterance.num_samples < MAX_DURATION_S * RATE:
            taken[utterance.speaker] = count + 1
            yield utterance


if __name__ == "__main__":
    run_main(main)
