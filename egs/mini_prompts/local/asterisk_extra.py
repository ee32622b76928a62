"""Further Asterisk voices: keys of the core sounds, other wording, telephone quality; for evaluation.

Debian packages asterisk-prompt-es-co (GPL-2), asterisk-prompt-fr-armelle (BSD-like) and
asterisk-prompt-it-menardi-wav (CC-BY-SA 3.0). The key gives the meaning, never the words, so
these utterances have a sentence id and no text.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from asterisk import duration_fault, list_prompts, utterance_id
from espnet_ext.audio.waveform import samples_at_16k
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance

MIN_DURATION_S, MAX_DURATION_S = 1.5, 6.0  # of a verification trial
NOT_SPEECH = ("silence/", "beep", "ascending-2tone", "descending-2tone", "tt-monkeys")


@dataclass(frozen=True)
class ExtraVoice:
    """A voice; `folder` is relative to usr/share/asterisk/sounds."""

    package: str
    language: str
    speaker: str
    folder: str
    suffix: str


EXTRA_VOICES = (
    ExtraVoice("asterisk-prompt-es-co", "spa", "asterisk_es_co", "es", ".gsm"),
    ExtraVoice("asterisk-prompt-fr-armelle", "fra", "armelle", "fr", ".gsm"),
    ExtraVoice("asterisk-prompt-it-menardi-wav", "ita", "menardi", "it_IT_f_Menardi", ".wav"),
)


def parse_extra_voice(
    voice: ExtraVoice, root: Path, sentences: Mapping[str, str], max_utterances: int, excluded: Exclusions
) -> list[Utterance]:
    """Read up to `max_utterances` prompts of 1.5 to 6 s, drawn in the order of the SHA-1 of their keys.

    Args:
        root: the unpacked package.
        sentences: key -> sentence id of the core sounds; other keys get no sentence.
        excluded: receives the clips that are left out.

    Raises:
        UserError: files are missing or damaged.
    """
    usable: dict[str, Utterance] = {}
    for key, path in list_prompts(root / "usr/share/asterisk/sounds" / voice.folder, voice.suffix).items():
        name = utterance_id(voice.speaker, voice.language, key)
        if key.startswith(NOT_SPEECH):
            excluded.add(name, path, "not speech")
            continue
        num_samples = samples_at_16k(path)
        if fault := duration_fault(num_samples, MIN_DURATION_S, MAX_DURATION_S):
            excluded.add(name, path, fault)
            continue
        usable[key] = Utterance(name, voice.speaker, path, num_samples, voice.language)
    order = sorted(usable, key=lambda key: hashlib.sha1(key.encode()).hexdigest())
    for key in order[max_utterances:]:
        excluded.add(usable[key].id, usable[key].path, f"voice has its {max_utterances} utterances")
    return [replace(usable[key], sentence=sentences.get(key)) for key in order[:max_utterances]]
