"""Synthetic speech for training: texts spoken by voices of espeak-ng, and marked as synthetic."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from chunks import is_complete
from espeak import Espeak
from espnet_ext.audio import RATE
from espnet_ext.audio.waveform import resample, write_flac
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.atomic import atomic_folder, remove_others
from espnet_ext.utils.pool import process_pool
from espnet_ext.utils.progress import audio_progress

# ISO 639-3 -> voice of espeak-ng.
LANGUAGES = {"eng": "en-us", "spa": "es-419", "fra": "fr", "ita": "it", "rus": "ru"}
# Variants that sound like different people. Creaky voices and robots are left out, and breathy variants, whose noise
# differs in every run.
VARIANTS = (
    "f1", "m1", "f4", "m3", "Andrea", "m7", "Annie", "m4", "aunty", "Mario", "belinda", "Michael",
    "linda", "max", "anika", "Gene", "steph", "david", "steph2", "Lee", "m2", "pablo", "adam", "Denis",
)  # fmt: skip
MIN_SAMPLES = RATE // 5  # less than 0.2 s is not speech
SHARD_SIZE = 250  # fixed, so that the bytes do not depend on the number of processes


class Line(NamedTuple):
    """A text to speak; lines with equal `sentence` have the same meaning."""

    language: str
    text: str
    sentence: str


class _Job(NamedTuple):
    utterance: str
    speaker: str
    voice: str
    line: Line


def synthesize(
    lines: Iterable[Line], voices_per_line: int, folder: Path, nj: int, excluded: Exclusions
) -> list[Utterance]:
    """Speak every line with several voices, as FLAC at 16 kHz in `folder`; finished shards are kept.

    The voices of a line depend only on the line, so that further lines do not change it.

    Args:
        voices_per_line: number of different variants for each line, at most len(VARIANTS).
        nj: processes.
        excluded: receives lines shorter than 0.2 s, such as single letters.

    Returns:
        Utterances of speakers `espeak-<language>-<variant>`, source "synthetic".
    """
    jobs = {job.utterance: job for line in lines for job in _jobs_of(line, voices_per_line)}
    ordered = [jobs[utterance] for utterance in sorted(jobs)]
    shards = [ordered[start : start + SHARD_SIZE] for start in range(0, len(ordered), SHARD_SIZE)]
    utterances = []
    for target in _run_shards(shards, folder, nj):
        for utterance, length in read_scp(target / "utt2num_samples").items():
            path, job = target / f"{utterance}.flac", jobs[utterance]
            if int(length) < MIN_SAMPLES:
                excluded.add(utterance, path, "synthesised in less than 0.2 s")
                continue
            utterances.append(
                Utterance(
                    utterance,
                    job.speaker,
                    path,
                    int(length),
                    job.line.language,
                    source="synthetic",
                    text=job.line.text,
                    sentence=job.line.sentence,
                )  # fmt: skip
            )
    return utterances


def _jobs_of(line: Line, voices_per_line: int) -> list[_Job]:
    ranked = sorted(VARIANTS, key=lambda variant: _digest(variant, *line))
    jobs = []
    for variant in ranked[:voices_per_line]:
        speaker = f"espeak-{line.language}-{variant}"
        # The digest distinguishes two wordings of one sentence.
        utterance = f"{speaker}-{line.sentence.replace('/', '.')}-{_digest(line.text)[:6]}"
        jobs.append(_Job(utterance, speaker, f"{LANGUAGES[line.language]}+{variant}", line))
    return jobs


def _digest(*parts: str) -> str:
    return hashlib.sha1("\0".join(parts).encode()).hexdigest()


def _run_shards(shards: Sequence[list[_Job]], folder: Path, nj: int) -> list[Path]:
    """Speak the missing shards, each in its own process (see `Espeak`)."""
    targets = [folder / f"{number:03d}-{_digest(repr(shard))[:10]}" for number, shard in enumerate(shards)]
    missing = [(shard, target) for shard, target in zip(shards, targets, strict=True) if not is_complete(target)]
    remove_others(folder, targets)
    if not missing:
        return targets
    with process_pool(nj, __name__, fresh=True) as executor:
        futures = [executor.submit(_speak_shard, shard, target) for shard, target in missing]
        total = sum(len(shard) for shard, _ in missing)
        with audio_progress("synthetic speech", total, unit="clips") as advance:
            for future, (shard, _) in zip(futures, missing, strict=True):
                future.result()
                advance(len(shard))
    return targets


def _speak_shard(jobs: Sequence[_Job], target: Path) -> None:
    espeak = Espeak()
    with atomic_folder(target) as temporary:
        lengths = {}
        for job in jobs:
            samples = espeak.speak(job.line.text, job.voice)
            samples = resample(samples, espeak.rate) if len(samples) else samples
            write_flac(temporary / f"{job.utterance}.flac", samples)
            lengths[job.utterance] = len(samples)
        write_scp(temporary / "utt2num_samples", lengths)
