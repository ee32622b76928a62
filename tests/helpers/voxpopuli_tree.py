"""A tiny VoxPopuli, laid out as on disk, with the traps of the real one."""

import gzip
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import langcodes
import numpy as np

from espnet_ext.audio.waveform import read_source, resample
from espnet_ext.kaldi.data_dir import DataDir
from helpers.clips import RATE, Clip, tones, write_audio

SESSION = "20180206-0900-PLENARY-15"
YEAR = SESSION[:4]
ANNOTATION_HEADER = "id_|session_id|speaker_id|original_text|normed_text|start_time|end_time|vad|split|gender"
MANIFEST_HEADER = "id\traw_text\tnormalized_text\tspeaker_id\tsplit\tgender\tis_gold_transcript\taccent"
GAP = np.zeros(RATE // 4, np.float32)
CLIPS = {
    "train": tones(["11"], ["fra", "eng"], ["a", "b"], 0.6),
    "test": tones(["12", "13"], ["fra", "eng"], ["c"], 0.7),
}
ENGLISH = tones(["interpreter"], ["eng"], ["a", "c"], 0.9)


def code(language: str) -> str:
    """VoxPopuli's code of an ISO 639-3 language."""
    return langcodes.standardize_tag(language)


def segment_id(number: int, clip: Clip) -> str:
    return f"{code(clip.language)}_20180206-16:10:{number:02d}_{number % 9}"


def utterance_id(number: int, clip: Clip) -> str:
    return f"voxpopuli-{clip.language}-{clip.speaker}-{SESSION}-{segment_id(number, clip)}"


def interpretation_id(number: int, source: Clip, target: Clip) -> str:
    return f"voxpopuli-{source.language}2{target.language}-{SESSION}_{segment_id(number, source).partition('_')[2]}"


def numbered(clips: Mapping[str, Sequence[Clip]]) -> Iterator[tuple[int, str, Clip]]:
    """Number in the session, split and clip; all splits and languages are of one session."""
    number = 0
    for split, part in clips.items():
        for clip in part:
            yield number, split, clip
            number += 1


def write_voxpopuli(
    root: Path, clips: Mapping[str, Sequence[Clip]], interpretations: Sequence[Clip] = ()
) -> dict[str, Clip]:
    """Write `raw_audios/` and the annotations.

    Traps: segments of several spans with other sound between them, one session shared by all languages and
    splits, `"` as quoting and as text, a missing original text, rows of no split, of an absent session and
    beyond the end of theirs, and one of over 200 s.

    Args:
        clips: split (train, dev, test) -> its clips; speakers are numbers, the same in several languages.
        interpretations: what the interpreters said of the clips of the same sentence in other languages.

    Returns:
        utterance id -> clip, of the rows that can be used.
    """
    written = {utterance_id(number, clip): clip for number, _, clip in numbered(clips)}
    session, spans = _join([clip.samples for _, _, clip in numbered(clips)], 2)
    write_audio(root / "raw_audios" / "original" / YEAR / f"{SESSION}_original.ogg", session)
    rows: dict[str, list[Sequence[object]]] = {}
    for number, split, clip in numbered(clips):
        quoted = clip.text.replace(" ", ' ""said"" | ', 1)
        original = {0: "", 1: f'"{clip.text}', 2: f'"{quoted}"'}.get(number, clip.text)
        row = [segment_id(number, clip), SESSION, clip.speaker, original, clip.text.lower(), *_times(spans[number])]
        rows.setdefault(code(clip.language), []).append([*row, split, "female"])
    for language, part in rows.items():
        path = root / "transcribed_data" / language / f"asr_{language}.tsv.gz"
        _write_gzip(path, "|", ANNOTATION_HEADER, [*part, *_bad_rows(language, len(session))])
    if interpretations:
        _write_interpreters(root, clips, interpretations)
    return written


def _join(parts: Sequence[np.ndarray], num_spans: int) -> tuple[np.ndarray, list[list[tuple[float, float]]]]:
    """One signal of all parts, noise between them and between their spans, and the spans' times in seconds."""
    pieces: list[np.ndarray] = []
    spans: list[list[tuple[float, float]]] = []
    position = 0
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, RATE // 4).astype(np.float32)

    def put(piece: np.ndarray) -> None:
        nonlocal position
        pieces.append(piece)
        position += len(piece)

    for part in parts:
        put(GAP)
        times = []
        for span in np.array_split(part, num_spans):
            times.append((position / RATE, (position + len(span)) / RATE))
            put(span)
            put(noise)
        spans.append(times)
    return np.concatenate(pieces), spans


def _times(spans: Sequence[tuple[float, float]]) -> list[object]:
    return [spans[0][0], spans[-1][1], [list(span) for span in spans]]


def _bad_rows(language: str, session_samples: int) -> list[list[object]]:
    end = session_samples / RATE
    rows = {
        "absent": ["20190101-0900-PLENARY-1", "7", [[0.0, 1.0]], "test"],
        "beyond": [SESSION, "7", [[end - 1, end + 0.5]], "test"],
        "silent": [SESSION, "7", [], "test"],
        "nosplit": [SESSION, "7", [], ""],
        "long": [SESSION, "None", [[0.0, 1.0]] * 210, "train"],
    }
    return [
        [f"{language}_20180206-17:00:00_{name}", session, speaker, f"{name} text", "", 0, 1, vad, split, "None"]
        for name, (session, speaker, vad, split) in rows.items()
    ]


def _write_interpreters(root: Path, clips: Mapping[str, Sequence[Clip]], interpretations: Sequence[Clip]) -> None:
    """One channel a target language, and the alignments of all source languages with it."""
    for target in sorted({clip.language for clip in interpretations}):
        parts = [clip for clip in interpretations if clip.language == target]
        signal, spans = _join([clip.samples for clip in parts], 1)
        write_audio(root / "raw_audios" / code(target) / YEAR / f"{SESSION}_{code(target)}.ogg", signal)
        rows = [
            [f"{SESSION}-{segment_id(number, clip)}", *_times(spans[order])[:2], parts[order].text]
            for number, _, clip in numbered(clips)
            for order in range(len(parts))
            if clip.sentence == parts[order].sentence and clip.language != target
        ]
        path = root / "annotations" / "s2s" / f"s2s_{code(target)}_ref.tsv.gz"
        _write_gzip(path, "\t", "id\tstart_time\tend_time\ttgt_text", rows)


def write_cut_voxpopuli(
    root: Path, clips: Mapping[str, Sequence[Clip]], interpretations: Sequence[Clip] = ()
) -> dict[str, Clip]:
    """Write `transcribed_data/` as the corpus's own scripts leave it: a file a segment; see `write_voxpopuli`."""
    written = {}
    for language in sorted({clip.language for _, _, clip in numbered(clips)}):
        folder = root / "transcribed_data" / code(language)
        rows: dict[str, list[Sequence[object]]] = {split: [] for split in clips}
        for number, split, clip in numbered(clips):
            if clip.language == language:
                name = f"{SESSION}-{segment_id(number, clip)}"
                write_audio(folder / YEAR / f"{name}.ogg", clip.samples)
                row = [name, f'"{clip.text}', clip.text.lower(), clip.speaker, split, "male", "True", "None"]
                rows[split].append(row)
                written[utterance_id(number, clip)] = clip
        for split, part in rows.items():
            _write(folder / f"asr_{split}.tsv", "\t", MANIFEST_HEADER, part)
    for number, _, clip in numbered(clips):
        for target in interpretations:
            if clip.sentence == target.sentence and clip.language != target.language:
                _write_cut_interpretation(root, number, clip, target)
    return written


def _write_cut_interpretation(root: Path, number: int, source: Clip, target: Clip) -> None:
    folder = root / "transcribed_data" / code(source.language) / code(target.language)
    name = f"{SESSION}-{code(target.language)}_{segment_id(number, source).partition('_')[2]}"
    write_audio(folder / YEAR / f"{name}.ogg", target.samples)
    header = "src_id\tsrc_text\tsrc_speaker_id\ttgt_id\ttgt_text\n"
    row = f"{SESSION}-{segment_id(number, source)}\t{source.text}\t{source.speaker}\t{name}\t\n"
    manifest = folder / "s2s.tsv"
    manifest.write_text((manifest.read_text() if manifest.exists() else header) + row)


def _table(separator: str, header: str, rows: Sequence[Sequence[object]]) -> str:
    return "".join(f"{line}\n" for line in (header, *(separator.join(map(str, row)) for row in rows)))


def _write(path: Path, separator: str, header: str, rows: Sequence[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_table(separator, header, rows), encoding="utf-8", newline="")


def _write_gzip(path: Path, separator: str, header: str, rows: Sequence[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(_table(separator, header, rows).encode()))


def check_audio(folder: Path, utterance: str, clip: Clip) -> None:
    """Check that the audio that is read equals the clip, up to the loss of Vorbis."""
    samples, rate = read_source(DataDir(folder).sources()[utterance])
    samples = resample(samples, rate)
    assert abs(len(samples) - len(clip.samples)) <= 2
    length = min(len(samples), len(clip.samples))
    assert np.corrcoef(samples[:length], clip.samples[:length])[0, 1] > 0.98
