"""mTEDx: sentences of TEDx talks with translations (Salesky et al., 2021, arXiv 2102.01757; CC BY-NC-ND 4.0)."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from espnet_ext.audio import RATE
from espnet_ext.corpora.corpus import Corpus, Option, Options, SetContent, add_parts
from espnet_ext.corpora.labels import iso639_3
from espnet_ext.corpora.lengths import MAX_LEFT_OUT, check_lost, measure
from espnet_ext.corpora.mtedx_yaml import TalkSegment, read_talk_segments
from espnet_ext.corpora.tables import plain_text
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.overlap import normalize_text
from espnet_ext.kaldi.scp import read_lines
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError


class Line(NamedTuple):
    """A segment with what was said, and its translation ("" in data for recognition only)."""

    segment: TalkSegment
    text: str
    translation: str


def parse_mtedx(
    root: Path, pair: str, split: str, excluded: Exclusions, nj: int = 1, max_left_out: float = MAX_LEFT_OUT
) -> list[Utterance]:
    """Read one split of one pair of languages.

    Segments of the same translation (of the same text, if there is none) have the same sentence id, because text
    retrieval cannot distinguish them.

    Args:
        root: contains `<pair>/data/<split>/{wav,txt}`.
        pair: `<source>-<target>`, for instance `it-en`; `it-it` has no translations.
        split: train, valid or test.
        excluded: takes segments without audio, text or duration, or with the times of another segment.
        nj: number of processes that read headers.
        max_left_out: largest share of the segments whose audio may be missing: the talk is absent, unreadable or
            shorter than the segment's times.

    Returns:
        utterances sorted by speaker, talk and time.

    Raises:
        UserError: an absent folder or file, lists of different length (both named), a malformed list, too
            much audio missing.
    """
    source, _, target = pair.partition("-")
    folder = _split_folder(root, pair, split)
    lines = sorted(_read_lines(folder, split, source, target), key=lambda line: _name(line.segment))
    talks = {line.segment.talk: _audio_file(folder / "wav", line.segment.talk) for line in lines}
    candidates = [_utterance(line, talks[line.segment.talk], source, target) for line in lines]
    utterances: dict[str, Utterance] = {}
    sentences: dict[str, str] = {}
    lost = Exclusions()
    measured = measure(candidates, nj, f"mTEDx {pair} {split}: headers")
    for line, candidate, found in zip(lines, candidates, measured, strict=True):
        name = candidate.id
        if isinstance(found, str):
            lost.add(name, candidate.path, found)
        elif reason := "same times as another segment" if name in utterances else _fault(line):
            excluded.add(name, candidate.path, reason)
        else:
            sentence = sentences.setdefault(normalize_text(line.translation or line.text) or name, name)
            utterances[name] = replace(found, sentence=sentence)
    check_lost(lost, len(lines), max_left_out, folder / "wav", excluded)
    return list(utterances.values())


def _split_folder(root: Path, pair: str, split: str) -> Path:
    folder = root / pair / "data" / split
    if not folder.is_dir():
        present = sorted(str(path.relative_to(root)) for path in root.glob("*-*/data/*") if path.is_dir())
        raise UserError(f"{folder}: no such part of mTEDx; there are {', '.join(present) or 'none'}")
    return folder


def _read_lines(folder: Path, split: str, source: str, target: str) -> list[Line]:
    listing = folder / "txt" / f"{split}.yaml"
    segments = read_talk_segments(listing)
    columns = [_read_text(folder / "txt" / f"{split}.{language}", segments, listing) for language in (source, target)]
    texts, translations = columns[0], columns[1] if target != source else [""] * len(segments)
    return [Line(*line) for line in zip(segments, texts, translations, strict=True)]


def _read_text(path: Path, segments: Sequence[TalkSegment], listing: Path) -> list[str]:
    """Read one text for each segment; only a line feed ends a line."""
    if not path.is_file():
        raise UserError(f"{path}: no such text; unpack the corpus again")
    lines = [line for _, line in read_lines(path, "unpack the corpus again")]
    if len(lines) != len(segments):
        raise UserError(
            f"{path}: {len(lines)} lines for the {len(segments)} segments of {listing}; unpack the corpus again"
        )
    return [plain_text(line) for line in lines]


def _audio_file(folder: Path, talk: str) -> Path:
    """Find the audio file of a talk: lists name .wav files, but the disk has .flac."""
    wav = folder / f"{talk}.wav"
    return wav if wav.is_file() else wav.with_suffix(".flac")


def _name(segment: TalkSegment) -> str:
    """Utterance id: starts with the speaker, sorts by time, and is the same in every pair with the segment."""
    talk = "" if segment.talk == segment.speaker else f"-{segment.talk}"
    return "-".join([f"mtedx-{segment.speaker}{talk}", *(f"{round(1000 * time):07d}" for time in _span(segment))])


def _span(segment: TalkSegment) -> tuple[float, float]:
    # Without the digits that the sum adds.
    return segment.start_s, round(segment.start_s + segment.duration_s, 6)


def _fault(line: Line) -> str | None:
    """The reason why a segment with audio cannot be used."""
    if line.segment.duration_s <= 0:
        return "of no duration"
    if not line.text and not line.translation:
        return "no transcript"
    return None


def _utterance(line: Line, path: Path, source: str, target: str) -> Utterance:
    segment = line.segment
    return Utterance(
        _name(segment),
        f"mtedx-{segment.speaker}",
        path,
        round(segment.duration_s * RATE),
        iso639_3(source),
        text=line.text or None,
        recording=f"mtedx-{segment.talk}",
        spans=(_span(segment),) if segment.duration_s > 0 else (),
        translations={iso639_3(target): line.translation} if line.translation else {},
    )


def read_mtedx(options: Options, split: str, data: Path) -> SetContent:
    """Read a split of the chosen pairs; a segment that is translated into several languages is one utterance."""
    content = CORPUS.content(options)

    def parse(pair: str, excluded: Exclusions, nj: int, max_left_out: float) -> list[Utterance]:
        return parse_mtedx(options.mtedx, pair, split, excluded, nj, max_left_out)

    unit = "translated segments"
    add_parts(content, split, unit, options.mtedx_pairs, parse, options, lambda utterance: bool(utterance.translations))
    merged: dict[str, Utterance] = {}
    for utterance in content.utterances:
        first = merged.get(utterance.id, utterance)
        merged[utterance.id] = replace(first, translations={**first.translations, **utterance.translations})
    content.utterances = list(merged.values())
    return content


def _no_pairs(pairs: Sequence[str]) -> str | None:
    return None if pairs else " is empty; give pairs such as it-en, or leave the option out"


CORPUS = Corpus(
    "mtedx",
    "mTEDx",
    "CC BY-NC-ND 4.0",
    "<src>-<tgt>/data/",
    read_mtedx,
    (Option("mtedx_pairs", ("it-en",), 'mTEDx pairs, e.g. "it-en fr-en"', problem=_no_pairs),),
)
