"""Tiny VoxCeleb 1 and 2, laid out as on disk, with the traps of the real ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from helpers.clips import Clip, write_audio

COUNTRIES = ("Ireland", "New Zealand", "UK")


class VoxClip(NamedTuple):
    """Where a clip was put; `path` is as in the trial lists."""

    speaker: str
    video: str
    path: str
    clip: Clip


def _video(number: int) -> str:
    # Ids of videos hold '-' and '_', also next to the slashes.
    return f"-v{number:03d}_-abc{number % 7}_"[:11]


def _place(clips: Sequence[Clip], first_speaker: int, suffix: str, utterances_per_video: int) -> list[VoxClip]:
    ids = {name: f"id{first_speaker + n:05d}" for n, name in enumerate(sorted({clip.speaker for clip in clips}))}
    counts: dict[str, int] = {}
    placed = []
    for clip in clips:
        number = counts[clip.speaker] = counts.get(clip.speaker, -1) + 1
        video = _video(number // utterances_per_video)
        speaker = ids[clip.speaker]
        # Utterances are numbered in each video, not from 1 and not without gaps.
        path = f"{speaker}/{video}/{2 * (number % utterances_per_video) + 1:05d}{suffix}"
        placed.append(VoxClip(speaker, video, path, clip))
    return placed


def write_voxceleb1(
    root: Path, dev: Sequence[Clip], test: Sequence[Clip], utterances_per_video: int = 2
) -> dict[str, list[VoxClip]]:
    """Write `root/wav/id1xxxx/<video>/NNNNN.wav`, dev and test together, vox1_meta.csv and the six trial lists.

    E and H are drawn from both parts; the cleaned lists are shorter than the original ones. Trap: names with commas.

    Returns:
        part -> its clips.
    """
    parts = {
        "dev": _place(dev, 10001, ".wav", utterances_per_video),
        "test": _place(test, 10270, ".wav", utterances_per_video),
    }
    for placed in parts.values():
        for vox in placed:
            write_audio(root / "wav" / vox.path, vox.clip.samples)
    lines = ["VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet"]
    for part, placed in parts.items():
        for order, speaker in enumerate(sorted({vox.speaker for vox in placed})):
            lines.append(f"{speaker}\tA._Name,_Jr.\t{'mf'[order % 2]}\t{COUNTRIES[order % 3]}\t{part}")
    (root / "vox1_meta.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    test_trials, all_trials = make_trial_lines(parts["test"]), make_trial_lines(parts["dev"] + parts["test"])
    write_lists(root, {"veri_test": test_trials, "list_test_all": all_trials, "list_test_hard": all_trials[::2]})
    return parts


def make_trial_lines(placed: Sequence[VoxClip]) -> list[str]:
    """Every pair of utterances."""
    return [f"{int(a.speaker == b.speaker)} {a.path} {b.path}" for n, a in enumerate(placed) for b in placed[n + 1 :]]


def write_lists(root: Path, lists: Mapping[str, Sequence[str]]) -> None:
    """Write the original list of each name, and the cleaned one, whose name ends in 2, without the last trial."""
    for name, lines in lists.items():
        (root / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (root / f"{name}2.txt").write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")


def write_voxceleb2(
    root: Path, dev: Sequence[Clip], test: Sequence[Clip] = (), utterances_per_video: int = 2
) -> dict[str, list[VoxClip]]:
    """Write `root/{dev,test}/aac/id0xxxx/<video>/NNNNN.m4a` and vox2_meta.csv, padded with spaces.

    Returns:
        part -> its clips.
    """
    parts = {
        "dev": _place(dev, 12, ".m4a", utterances_per_video),
        "test": _place(test, 9000, ".m4a", utterances_per_video),
    }
    lines = ["VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set "]
    for part, placed in parts.items():
        for vox in placed:
            write_audio(root / part / "aac" / vox.path, vox.clip.samples)
        for order, speaker in enumerate(sorted({vox.speaker for vox in placed})):
            lines.append(f"{speaker} ,n{order:06d} ,{'mf'[order % 2]} ,{part} ")
    (root / "vox2_meta.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return parts
