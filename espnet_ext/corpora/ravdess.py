"""RAVDESS, speech: 24 actors speak 2 sentences in 8 emotions (Livingstone and Russo, 2018; CC BY-NC-SA 4.0)."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

from espnet_ext.audio import RATE
from espnet_ext.audio.decoding import open_audio
from espnet_ext.corpora.corpus import Corpus, Options, SetContent, count_recordings
from espnet_ext.corpora.lengths import MAX_LEFT_OUT, with_lengths
from espnet_ext.corpora.tables import check_codes, visible_files
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError

EMOTIONS = {
    "01": "neutral", "02": "calm", "03": "happy", "04": "sad",
    "05": "angry", "06": "fearful", "07": "disgusted", "08": "surprised",
}  # fmt: skip
INTENSITIES = {"01": "normal", "02": "strong"}
STATEMENTS = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
TAKES = {"01": "first", "02": "second"}
# Files of the distribution without video; with "01" the sound of its videos, and "02" is video alone.
AUDIO_ONLY, MODALITIES = "03", ("01", "02", "03")
SPEECH, SONG = "01", "02"
SUNG, FILMED = "sung", "sound of a video"

_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
_ACTOR_FOLDER = re.compile(r"actor_(\d\d)", re.IGNORECASE)


def parse_ravdess(root: Path, excluded: Exclusions, nj: int, max_left_out: float = MAX_LEFT_OUT) -> list[Utterance]:
    """Read the speech files, sorted by utterance.

    A few files are stereo; they are read as a whole segment, which averages the channels.

    Args:
        root: contains Actor_01/03-01-06-01-02-01-01.wav ... at any depth.
        excluded: takes songs, the sound of videos, files found a second time in another folder, takes that are
            another take's copy, and files without sound.
        nj: number of processes.
        max_left_out: largest share of files that may be unreadable.

    Raises:
        UserError: without any actor's folder, naming a file of another name, code or actor, or if too much
            is unreadable.
    """
    folders = sorted(path for path in root.rglob("*") if path.is_dir() and _ACTOR_FOLDER.fullmatch(path.name))
    if not folders:
        raise UserError(f"{root}: no folder Actor_01 and so on; --ravdess is where its archives were unpacked")
    found: dict[str, Utterance] = {}
    for path in (path for folder in folders for path in visible_files(folder, ".wav")):
        utterance, reason = _utterance(path)
        if reason:
            excluded.add(utterance.id, path, reason)
        elif utterance.id in found:
            excluded.add(utterance.id, path, "second file of this name")
        else:
            found[utterance.id] = utterance
    distinct = _without_copies([found[name] for name in sorted(found)], excluded)
    utterances = with_lengths(distinct, excluded, nj, "RAVDESS: headers", root, max_left_out)
    return [_averaged(utterance) for utterance in utterances]


def _utterance(path: Path) -> tuple[Utterance, str | None]:
    """The utterance (without its length), and the reason if it is not used."""
    match = _NAME.fullmatch(path.stem)
    folder = _ACTOR_FOLDER.fullmatch(path.parent.name)
    if match is None or folder is None:
        raise UserError(f"{path}: expected a name like 03-01-06-01-02-01-12.wav; take the file out of the folder")
    modality, channel, emotion, intensity, statement, take, actor = match.groups()
    codes = {
        "modality": (modality, MODALITIES), "vocal channel": (channel, (SPEECH, SONG)), "emotion": (emotion, EMOTIONS),
        "intensity": (intensity, INTENSITIES), "statement": (statement, STATEMENTS), "repetition": (take, TAKES),
        "actor": (actor, (folder[1],)),
    }  # fmt: skip
    check_codes(path, codes)
    utterance = Utterance(
        id=f"ravdess-{actor}-{path.stem}",
        speaker=f"ravdess-{actor}",
        path=path,
        num_samples=0,
        language="eng",
        text=STATEMENTS[statement],
        sentence=f"ravdess-{statement}",
        labels={
            "emotion": EMOTIONS[emotion],
            "intensity": INTENSITIES[intensity],
            "gender": "male" if int(actor) % 2 else "female",
        },
    )
    if modality != AUDIO_ONLY:
        return utterance, FILMED
    return utterance, SUNG if channel == SONG else None


def _without_copies(utterances: list[Utterance], excluded: Exclusions) -> list[Utterance]:
    """Utterances without files of the same bytes: the distribution has one take of actor 7 twice."""
    first: dict[tuple[str, str], str] = {}
    kept = []
    for utterance in utterances:
        digest = hashlib.sha256(utterance.path.read_bytes()).hexdigest()
        if first.setdefault((utterance.speaker, digest), utterance.id) == utterance.id:
            kept.append(utterance)
        else:
            excluded.add(utterance.id, utterance.path, "same file as another take")
    return kept


def _averaged(utterance: Utterance) -> Utterance:
    with open_audio(utterance.path) as reader:
        if reader.num_channels == 1:
            return utterance
    return replace(utterance, recording=utterance.id, spans=((0.0, utterance.num_samples / RATE),))


def read_ravdess(options: Options, split: str, data: Path) -> SetContent:
    """Read the speech of the whole corpus, which has no splits."""
    content = CORPUS.content(options)
    content.utterances = parse_ravdess(options.ravdess, content.excluded, options.nj, options.max_left_out)
    count_recordings(content, SUNG, FILMED)
    return content


CORPUS = Corpus("ravdess", "RAVDESS", "CC BY-NC-SA 4.0", "Actor_01/ and so on", read_ravdess)
