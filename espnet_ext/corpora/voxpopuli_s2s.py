"""Speech-to-speech pairs of VoxPopuli: speeches and their interpretations."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from espnet_ext.corpora.corpus import Corpus, Options, SetContent, add_parts, choose_parts
from espnet_ext.corpora.labels import iso639_3
from espnet_ext.corpora.lengths import MAX_LEFT_OUT
from espnet_ext.corpora.published import published
from espnet_ext.corpora.tables import plain_text, read_table
from espnet_ext.corpora.voxpopuli import measure_segments, parse_voxpopuli_asr
from espnet_ext.corpora.voxpopuli_segments import make_utterance, present_languages, read_segments_of
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError


def parse_voxpopuli_s2s(
    root: Path,
    excluded: Exclusions,
    nj: int = 1,
    source: str = "fr",
    target: str = "en",
    split: str = "test",
    max_left_out: float = MAX_LEFT_OUT,
) -> list[Utterance]:
    """Read aligned pairs: a segment of the transcribed speech and its interpretation.

    The two share `sentence`, and the label `direction` (`fra-eng`). Interpreters are unknown: each interpretation has
    a separate speaker.

    Args:
        root: as for `parse_voxpopuli_asr`, with `raw_audios/<target>` and `s2s_<target>[_ref].tsv.gz`, or
            `transcribed_data/<source>/<target>/s2s[_ref].tsv` and the files it lists.
        excluded: takes pairs without the audio of one half.
        nj: number of processes.
        source, target: languages, in VoxPopuli's codes.
        split: of the source segments; the pairs have no separate splits.
        max_left_out: largest share of either half whose audio may be missing or unreadable.

    Returns:
        both halves of the pairs, sorted by utterance.

    Raises:
        UserError: no such pairs, a malformed table (file and line), too much audio missing.
    """
    segments = read_segments_of(root, source)
    interpretations = _read_interpretations(root, source, target)
    for name, interpretation in interpretations.items():
        if name not in segments:
            excluded.add(interpretation.id, interpretation.path, "interpretation of an unknown segment")
    wanted = [name for name in interpretations if name in segments and segments[name][0] == split]
    if not wanted:
        raise UserError(f"{root}: no VoxPopuli pair {source}-{target} of split {split}")
    originals = {name: segments[name][1] for name in wanted}
    targets = {name: interpretations[name] for name in wanted}
    said = measure_segments(originals, iso639_3(source), excluded, nj, max_left_out)
    made = measure_segments(targets, iso639_3(target), excluded, nj, max_left_out)
    direction = f"{iso639_3(source)}-{iso639_3(target)}"
    pairs = []
    for name in wanted:
        halves = [said.get(name), made.get(name)]
        for half in halves:
            if half and None in halves:
                excluded.add(half.id, half.path, "the other half of its pair is left out")
            elif half:
                labels = {**half.labels, "direction": direction}
                pairs.append(replace(half, sentence=f"voxpopuli-{name}", labels=labels))
    return sorted(pairs, key=lambda utterance: utterance.id)


def _read_interpretations(root: Path, source: str, target: str) -> dict[str, Utterance]:
    """Id of the source segment -> its interpretation; alignments made with manual transcripts are preferred."""
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
    pairs: dict[str, Utterance] = {}
    for name, interpretation in rows:
        if name in pairs:
            raise UserError(f"{found}: segment {name!r} is aligned twice; remove one of the lines")
        pairs[name] = interpretation
    return pairs


def _first_file(paths: Sequence[Path]) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


def _read_alignments(path: Path, sessions: Path, source: str, target: str) -> Iterator[tuple[str, Utterance]]:
    """Rows of one source language, as parts of the interpreters' channel of a session."""
    for where, row in read_table(path, "\t", ("id", "start_time", "end_time"), quoted=True):
        session, language, utterance = _parse_id(row["id"], where)
        if language != source:
            continue
        try:
            start, end = float(row["start_time"]), float(row["end_time"])
        except ValueError as error:
            raise UserError(f"{where}: times {row['start_time']!r}, {row['end_time']!r} are not numbers") from error
        recording, spans = f"{session}_{target}", ((start, end),) if start < end else ()
        audio = sessions / session[:4] / f"{recording}.ogg"
        name, text = _name(source, target, session, utterance), plain_text(row.get("tgt_text", ""))
        yield row["id"], make_utterance(name, iso639_3(target), audio, text, {}, recording, spans)


def _read_manifest(path: Path, source: str, target: str) -> Iterator[tuple[str, Utterance]]:
    """Interpretations that were cut to separate files."""
    for where, row in read_table(path, "\t", ("src_id", "tgt_id"), quoted=True):
        session, _, utterance = _parse_id(row["src_id"], where)
        audio = path.parent / session[:4] / f"{row['tgt_id']}.ogg"
        text = plain_text(row.get("tgt_text", ""))
        name = _name(source, target, session, utterance)
        yield row["src_id"], make_utterance(name, iso639_3(target), audio, text, {})


def _name(source: str, target: str, session: str, utterance: str) -> str:
    return f"{iso639_3(source)}2{iso639_3(target)}-{session}_{utterance}"


def _parse_id(name: str, where: str) -> tuple[str, str, str]:
    """Session, language and the rest of `<session>-<language>_<date>-<time>_<number>`."""
    head, _, utterance = name.partition("_")
    session, _, language = head.rpartition("-")
    if not session or not language or not utterance:
        raise UserError(f"{where}: id {name!r}, expected <session>-<language>_<utterance>")
    return session, language, utterance


def read_voxpopuli(options: Options, split: str, data: Path) -> SetContent:
    """Read a split (`train`, `dev` or `test`) of all languages on disk, or the pairs of speech (`s2s`)."""
    root, content = options.voxpopuli, CORPUS.content(options)
    if split == "s2s":
        content.utterances = parse_voxpopuli_s2s(root, content.excluded, options.nj, max_left_out=options.max_left_out)
        content.notes.append("no published count known for VoxPopuli speech-to-speech pairs")
        return content
    present, every = present_languages(root), published("VoxPopuli", "languages")
    languages = choose_parts(content, split, options, (), present, every)
    add_parts(content, split, "segments", languages, partial(parse_voxpopuli_asr, root, split), options)
    return content


CORPUS = Corpus("voxpopuli", "VoxPopuli", "CC0 1.0", "raw_audios/ or transcribed_data/", read_voxpopuli)
