"""VoxPopuli's transcribed speech: segments of sessions of the European Parliament, in 16 languages."""

from collections.abc import Sequence
from pathlib import Path

from espnet_ext.data.audio import RATE
from espnet_ext.data.corpora.languages import iso639_3
from espnet_ext.data.corpora.lengths import AudioLength, header_lengths
from espnet_ext.data.corpora.voxpopuli_segments import SPLITS, VoxPopuliSegment, present_languages, read_segments_of
from espnet_ext.data.data_dir import Utterance
from espnet_ext.data.left_out import LeftOut
from espnet_ext.data.segments import lie_within
from espnet_ext.errors import UserError


def parse_voxpopuli_asr(
    root: Path, split: str, languages: Sequence[str] | None, left_out: LeftOut, nj: int = 1
) -> list[Utterance]:
    """Read one split, from the sessions (`raw_audios`) where they are there, else from the files cut from them.

    Args:
        root: with `raw_audios/original` and `asr_<language>.tsv.gz`, or `transcribed_data/<language>`.
        split: train, dev or test.
        languages: VoxPopuli's codes (`en_accented` is one); None = all 16 of which there is a table.
        left_out: takes what has no audio, no text or times outside its session.
        nj: processes that read headers.

    Raises:
        UserError: no such split or language, a malformed table (file and line), no audio at all in a language.
    """
    if split not in SPLITS:
        raise UserError(f"VoxPopuli has no split {split!r}; expected one of {', '.join(SPLITS)}")
    utterances = []
    for language in languages or present_languages(root):
        segments = [segment for segment in read_segments_of(root, language).values() if segment.split == split]
        for segment in segments:
            if not segment.text:
                left_out.add(_name(segment, iso639_3(language)), segment.path, "no transcript")
        spoken = [segment for segment in segments if segment.text]
        utterances += make_utterances(spoken, iso639_3(language), left_out, nj).values()
    return utterances


def _name(segment: VoxPopuliSegment, language: str) -> str:
    return f"{_speaker(segment, language)}-{segment.id}" if segment.speaker else f"voxpopuli-{segment.id}"


def _speaker(segment: VoxPopuliSegment, language: str) -> str:
    # Nobody says whether a number is the same person in another language: kept apart.
    return f"voxpopuli-{language}-{segment.speaker}" if segment.speaker else _name(segment, language)


def make_utterances(
    segments: Sequence[VoxPopuliSegment], language: str, left_out: LeftOut, nj: int
) -> dict[str, Utterance]:
    """Utterances of segments, those left out whose audio is not all there.

    Args:
        language: ISO 639-3.
        nj: processes that read headers.

    Returns:
        segment id -> utterance.

    Raises:
        UserError: none of the segments has audio.
    """
    paths = sorted({str(segment.path) for segment in segments})
    lengths = dict(zip(paths, header_lengths(paths, nj, f"VoxPopuli {language}: headers"), strict=True))
    if segments and all(length.fault for length in lengths.values()):
        fault = lengths[paths[0]].fault
        raise UserError(f"{paths[0]}: {fault}, like all VoxPopuli audio in {language}; fetch it first")
    utterances = {}
    for segment in segments:
        length = lengths[str(segment.path)]
        if reason := _fault(segment, length):
            left_out.add(_name(segment, language), segment.path, reason)
            continue
        num_samples = round(RATE * sum(end - start for start, end in segment.spans)) or length.num_samples
        labels = {"gender": segment.gender.lower(), "accent": segment.accent}
        utterances[segment.id] = Utterance(
            _name(segment, language),
            _speaker(segment, language),
            segment.path,
            num_samples,
            language,
            text=segment.text or None,
            recording=f"voxpopuli-{segment.recording}" if segment.recording else None,
            spans=segment.spans,
            labels={attribute: label for attribute, label in labels.items() if label},
        )
    return utterances


def _fault(segment: VoxPopuliSegment, length: AudioLength) -> str | None:
    """Why a segment cannot be used."""
    if length.fault:
        return length.fault
    if segment.recording and not segment.spans:
        return "no speech by the corpus's voice activity detection"
    if not lie_within(segment.spans, length.num_samples / RATE):
        return "ends after its recording"
    return None
