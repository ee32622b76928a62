"""A tiny RAVDESS, laid out as on disk, with the traps of the real one."""

import shutil
from pathlib import Path

import numpy as np
import soundfile

from helpers.emotional_tones import Say, make_tone

ACTORS = ("01", "02", "05", "07", "08", "20")
EMOTIONS = tuple(f"{number:02d}" for number in range(1, 9))
STEREO = "03-01-02-01-01-02-01"
COPIED, COPY = "03-01-03-01-01-01-07", "03-01-03-01-01-02-07"
SONG = "03-02-03-01-01-01-02"


def write_ravdess(root: Path, say: Say = make_tone) -> dict[str, int]:
    """Write `root/Actor_NN/*.wav` at 48 kHz: two takes of a statement in every emotion.

    Traps: a stereo file, a take that is the copy of another, a song, all of an actor a second time in a folder
    of another archive, a suffix in capitals, a double of macOS.

    Returns:
        stem of every file that is to be read -> samples at 16 kHz.
    """
    written: dict[str, int] = {}
    for number, actor in enumerate(ACTORS):
        folder = root / f"Actor_{actor}"
        folder.mkdir(parents=True)
        for order, emotion in enumerate(EMOTIONS):
            for take in (1, 2):
                stem = f"03-01-{emotion}-01-01-{take:02d}-{actor}"
                samples = say(number, order, 1 if stem == COPY else take)
                if stem != COPY:
                    written[stem] = len(samples)
                # Every sample three times: the length at 16 kHz is exact.
                samples = np.repeat(samples, 3)
                if stem == STEREO:
                    samples = np.stack([samples, 0 * samples], axis=1)
                suffix = ".WAV" if stem == "03-01-01-01-01-01-05" else ".wav"
                soundfile.write(folder / f"{stem}{suffix}", samples, 48000, subtype="PCM_16")
    soundfile.write(root / "Actor_02" / f"{SONG}.wav", np.repeat(say(1, 2, 9), 3), 48000)
    (root / "Actor_01/._03-01-01-01-01-01-01.wav").write_bytes(b"\0\5\x16\7")
    shutil.copytree(root / "Actor_08", root / "audio_speech_actors_01-24/Actor_08")
    return written
