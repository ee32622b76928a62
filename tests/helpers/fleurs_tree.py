"""A tiny FLEURS, laid out as on disk, with the traps of the real one."""

import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import soundfile

from espnet_ext.corpora.labels import iso639_3
from espnet_ext.corpora.published import published
from helpers.clips import RATE, Clip

FOLDERS = {iso639_3(code): code for code in published("FLEURS", "languages")}  # ISO 639-3 -> FLEURS
GENDERS = ("MALE", "FEMALE", "OTHER")
# Inner folder names vary from archive to archive.
INNER_FOLDERS = ("{split}", "./{split}", "home/someone/{split}", ".")


def file_name(number: int) -> str:
    return f"{10**19 + number}.wav"


def write_fleurs(root: Path, clips: Mapping[str, Sequence[Clip]]) -> dict[str, Clip]:
    """Write `root/<lang>/<split>.tsv` and `root/<lang>/audio/<split>.tar.gz`.

    Traps: no header, quotes that are never closed, odd Unicode spaces, an empty last column, a gender OTHER,
    float samples, archives with other inner folders and with a file that the table does not list.

    Args:
        clips: split (train, dev, test) -> its clips; speakers are lost, as in the real corpus.

    Returns:
        utterance id -> clip.
    """
    # A sentence has one number in every language and split.
    numbers = {name: n for n, name in enumerate(sorted({c.sentence for part in clips.values() for c in part}), 1)}
    written: dict[str, Clip] = {}
    for split, part in clips.items():
        languages = sorted({clip.language for clip in part})
        for order, language in enumerate(languages):
            folder = root / FOLDERS[language]
            (folder / "audio").mkdir(parents=True, exist_ok=True)
            inner = INNER_FOLDERS[order % len(INNER_FOLDERS)].format(split=split)
            files: dict[str, Clip] = {}
            for clip in part:
                if clip.language == language:
                    name = file_name(len(written))
                    files[name] = clip
                    written[f"fleurs-{FOLDERS[language]}-{name.removesuffix('.wav')}"] = clip
            _write_table(folder / f"{split}.tsv", files, numbers)
            with tarfile.open(folder / "audio" / f"{split}.tar.gz", "w:gz") as archive:
                for name, clip in files.items():
                    _add_wav(archive, f"{inner}/{name}", clip)
                _add_wav(archive, f"{inner}/unlisted.wav", next(iter(files.values())))
    return written


def _write_table(path: Path, files: Mapping[str, Clip], numbers: Mapping[str, int]) -> None:
    rows = []
    for order, (name, clip) in enumerate(files.items()):
        raw = clip.text.replace(" ", "\u00a0", 1).replace(" ", "\u2028", 1) if order == 0 else clip.text
        raw = f'"{raw}' if order == 1 else raw
        plain = clip.text.lower()
        gender = "" if order == 3 else GENDERS[order % len(GENDERS)]
        characters = " ".join(plain.replace(" ", "|")) + " |"
        columns = [numbers[clip.sentence], name, raw, plain, characters, len(clip.samples), gender]
        rows.append("\t".join(map(str, columns)) + "\n")
    path.write_text("".join(rows), encoding="utf-8", newline="")


def _add_wav(archive: tarfile.TarFile, name: str, clip: Clip) -> None:
    wav = io.BytesIO()
    soundfile.write(wav, clip.samples, RATE, format="WAV", subtype="FLOAT")
    member = tarfile.TarInfo(name)
    member.size = wav.tell()
    wav.seek(0)
    archive.addfile(member, wav)
