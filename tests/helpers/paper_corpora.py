"""The corpora of egs/fleurs_voxceleb in their layouts on disk, traps included, made of real telephone prompts."""

from pathlib import Path

from helpers.clips import Clip
from helpers.common_voice_tree import write_common_voice
from helpers.fleurs_tree import write_fleurs
from helpers.mtedx_tree import write_mtedx
from helpers.prompt_clips import further_voices, sentences_in_all_languages
from helpers.voxceleb_tree import write_voxceleb1, write_voxceleb2
from helpers.voxpopuli_tree import write_voxpopuli

# Sentences, each in every language; no corpus shares one with another.
SHARES = {
    "fleurs train": 14,
    "fleurs dev": 4,
    "fleurs test": 6,
    "mtedx": 6,
    "voxpopuli train": 1,
    "voxpopuli test": 6,
    "commonvoice train": 8,
    "commonvoice dev": 4,
    "voxceleb2": 5,
    "voxceleb1 dev": 3,
}
VOXCELEB1_TEST = ("menardi", "pocketsphinx_cards", "pocketsphinx_librivox")


def write_paper_corpora(root: Path) -> dict[str, Path]:
    """Write all of them; option of the recipe -> folder."""
    sentences = iter(sentences_in_all_languages(sum(SHARES.values())))
    parts = {name: [next(sentences) for _ in range(count)] for name, count in SHARES.items()}

    def clips(part: str, *languages: str) -> list[Clip]:
        return [sentence[language] for language in languages for sentence in parts[part]]

    voices = further_voices()
    test_voices = [clip for speaker in VOXCELEB1_TEST for clip in voices.pop(speaker)]
    training_voices = clips("voxceleb2", "eng", "fra", "ita") + [clip for part in voices.values() for clip in part]
    folders = {name: root / name for name in ("fleurs", "voxceleb1", "voxceleb2", "commonvoice", "voxpopuli", "mtedx")}
    write_fleurs(
        folders["fleurs"], {split: clips(f"fleurs {split}", "eng", "fra") for split in ("train", "dev", "test")}
    )
    write_voxceleb1(folders["voxceleb1"], clips("voxceleb1 dev", "eng", "fra"), test_voices)
    write_voxceleb2(folders["voxceleb2"], training_voices)
    write_common_voice(
        folders["commonvoice"],
        # No speaker is in both.
        {"train": clips("commonvoice train", "eng", "fra"), "dev": clips("commonvoice dev", "ita")},
    )
    write_voxpopuli(
        folders["voxpopuli"],
        {split: clips(f"voxpopuli {split}", "fra") for split in ("train", "test")},
        clips("voxpopuli test", "eng"),
    )
    translations = {sentence["ita"].sentence: sentence["eng"].text for sentence in parts["mtedx"]}
    write_mtedx(folders["mtedx"], {"test": clips("mtedx", "ita")}, translations)
    return folders
