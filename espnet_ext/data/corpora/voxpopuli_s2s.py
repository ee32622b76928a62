"""VoxPopuli's speech-to-speech pairs: what was said in a session, and what the interpreters made of it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from espnet_ext.data.corpora.languages import iso639_3
from espnet_ext.data.corpora.tables import plain_text
from espnet_ext.data.corpora.voxpopuli import MAX_LEFT_OUT, make_utterances
from espnet_ext.data.corpora.voxpopuli_segments import VoxPopuliSegment, read_segments_of
from espnet_ext.data.corpora.voxpopuli_tables import read_table
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError


def parse_voxpopuli_s2s(
    root: Path,
    excluded: Exclusions,
    nj: int = 1,
    directions: Sequence[str] = ("fr-en",),
    splits: Sequence[str] = ("test",),
    max_left_out: float = MAX_LEFT_OUT,
) -> list[Utterance]:
    """Read aligned pairs: a segment of the transcribed speech and its interpretation.

    The two share `sentence`, and the label `direction` (`fra-eng`; several where one segment was interpreted
    into several languages). Interpreters are not known: each interpretation is its own speaker.

    Args:
        root: as for `parse_voxpopuli_asr`, with `raw_audios/<target>` and `s2s_<target>[_ref].tsv.gz`, or
            `transcribed_data/<source>/<target>/s2s[_ref].tsv` and the files it lists.
        excluded: takes pairs of which a half has no audio.
        nj: processes that read headers.
        directions: `<source>-<target>` in VoxPopuli's codes.
        splits: of the source segments; the pairs have none of their own.
        max_left_out: largest share of either half whose audio may be missing or unreadable.

    Raises:
        UserError: no such direction, a malformed table (file and line), no pair at all, too much audio missing.
    """
    utterances: dict[str, Utterance] = {}
    for direction in directions:
        source, _, target = direction.partition("-")
        if not source or not target or source == target:
            raise UserError(f"VoxPopuli pairs {direction!r}: expected <source>-<target>, for instance fr-en")
        for utterance in _read_direction(root, source, target, splits, excluded, nj, max_left_out):
            if utterance.id in utterances:
                both = f"{utterances[utterance.id].labels['direction']} {utterance.labels['direction']}"
                utterance = replace(utterance, labels={**utterance.labels, "direction": both})
            utterances[utterance.id] = utterance
    return [utterances[name] for name in sorted(utterances)]


def _read_direction(
    root: Path,
    source: str,
    target: str,
    splits: Sequence[str],
    excluded: Exclusions,
    nj: int,
    max_left_out: float,
) -> list[Utterance]:
    segments = read_segments_of(root, source)
    interpretations = _read_interpretations(root, source, target)
    for name, interpretation in interpretations.items():
        if name not in segments:
            excluded.add(f"voxpopuli-{interpretation.id}", interpretation.path, "interpretation of an unknown segment")
    wanted = [name for name in interpretations if name in segments and segments[name].split in splits]
    if not wanted:
        raise UserError(f"{root}: no VoxPopuli pair {source}-{target} of split {', '.join(splits)}")
    said = make_utterances([segments[name] for name in wanted], iso639_3(source), excluded, nj, max_left_out)
    made = make_utterances([interpretations[name] for name in wanted], iso639_3(target), excluded, nj, max_left_out)
    direction = f"{iso639_3(source)}-{iso639_3(target)}"
    pairs = []
    for name in wanted:
        halves = [said.get(name), made.get(interpretations[name].id)]
        for half in halves:
            if half and None in halves:
                excluded.add(half.id, half.path, "the other half of its pair is left out")
            elif half:
                labels = {**half.labels, "direction": direction}
                pairs.append(replace(half, sentence=f"voxpopuli-{name}", labels=labels))
    return pairs


def _read_interpretations(root: Path, source: str, target: str) -> dict[str, VoxPopuliSegment]:
    """Id of the source segment -> its interpretation; alignments made with transcripts by hand are preferred."""
    folder = root / "transcribed_data" / source / target
    alignments = [
        place / f"s2s_{target}{suffix}.tsv.gz"
        for suffix in ("_ref", "")
        for place in (folder, root / "annotations" / "s2s", root)
    ]
    manifests = [folder / f"s2s{suffix}.tsv" for suffix in ("_ref", "")]
    sessions = root / "raw_audios" / target
    if sessions.is_dir() and (found := _first_file(alignments)):
        rows = _read_alignments(found, sessions, source, target)
    elif found := _first_file(manifests):
        rows = _read_manifest(found, source, target)
    else:
        raise UserError(
            f"{root}: no VoxPopuli pairs {source}-{target}: expected s2s_{target}_ref.tsv.gz or s2s_{target}.tsv.gz "
            f"with raw_audios/{target}/, or transcribed_data/{source}/{target}/s2s.tsv with the files it lists"
        )
    pairs: dict[str, VoxPopuliSegment] = {}
    for name, interpretation in rows:
        if name in pairs:
            raise UserError(f"{found}: segment {name!r} is aligned twice; remove one of the lines")
        pairs[name] = interpretation
    return pairs


def _first_file(paths: Sequence[Path]) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


def _read_alignments(path: Path, sessions: Path, source: str, target: str) -> Iterator[tuple[str, VoxPopuliSegment]]:
    """Rows of one source language, as parts of the interpreters' channel of a session."""
    for where, row in read_table(path, "\t", ("id", "start_time", "end_time")):
        session, language, utterance = _parse_id(row["id"], where)
        if language != source:
            continue
        try:
            start, end = float(row["start_time"]), float(row["end_time"])
        except ValueError as error:
            raise UserError(f"{where}: times {row['start_time']!r}, {row['end_time']!r} are not numbers") from error
        recording = f"{session}_{target}"
        yield (
            row["id"],
            VoxPopuliSegment(
                _name(source, target, session, utterance),
                sessions / session[:4] / f"{recording}.ogg",
                recording,
                ((start, end),) if start < end else (),
                text=plain_text(row.get("tgt_text", "")),
            ),
        )


def _read_manifest(path: Path, source: str, target: str) -> Iterator[tuple[str, VoxPopuliSegment]]:
    """Interpretations that were cut to files of their own."""
    for where, row in read_table(path, "\t", ("src_id", "tgt_id")):
        session, _, utterance = _parse_id(row["src_id"], where)
        audio = path.parent / session[:4] / f"{row['tgt_id']}.ogg"
        text = plain_text(row.get("tgt_text", ""))
        yield row["src_id"], VoxPopuliSegment(_name(source, target, session, utterance), audio, text=text)


def _name(source: str, target: str, session: str, utterance: str) -> str:
    return f"{iso639_3(source)}2{iso639_3(target)}-{session}_{utterance}"


def _parse_id(name: str, where: str) -> tuple[str, str, str]:
    """Session, language and the rest of `<session>-<language>_<date>-<time>_<number>`."""
    head, _, utterance = name.partition("_")
    session, _, language = head.rpartition("-")
    if not session or not language or not utterance:
        raise UserError(f"{where}: id {name!r}, expected <session>-<language>_<utterance>")
    return session, language, utterance
