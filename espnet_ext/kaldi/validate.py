"""Check a data directory, and that an evaluation set shares nothing with the training set."""

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise
from pathlib import Path

from espnet_ext.kaldi import SHAREABLE
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.locators import file_of, is_dumped, is_offset
from espnet_ext.kaldi.overlap import find_overlaps
from espnet_ext.kaldi.scp import read_scp
from espnet_ext.kaldi.segments import Segment, check_ends
from espnet_ext.kaldi.trials import read_trials
from espnet_ext.kaldi.utterances import invert
from espnet_ext.kaldi.validate import COMPLETE_FILES
from espnet_ext.utils.errors import UserError

MAX_LISTED = 10  # overlaps in a message


def validate_data_dir(path: str | Path) -> None:
    """Check one data directory.

    wav.scp, utt2spk, spk2utt and utt2num_samples must be there; every file sorted, each key once;
    the audio files exist; the files of COMPLETE_FILES list exactly the utterances of wav.scp (or of segments), the
    other utt2*, text and text.<language> some of them; sorting by utterance sorts by speaker; spk2utt agrees with
    utt2spk; trials name known utterances only; segments lie inside their recordings (to END_TOLERANCE_S), and every
    recording has one.

    Raises:
        UserError: naming file, line and utterance of the first fault.
    """
    data = DataDir(path)
    known = data.sources()
    if not known:
        raise UserError(f"{data.path / _list_of(data)}: no utterances; run stage 1 again")
    for name in ("utt2spk", "spk2utt", "utt2num_samples"):
        if not (data.path / name).exists():
            raise UserError(f"{data.path / name}: no such file; run stage 1 again")
    for file in sorted(data.path.iterdir()):
        if _is_column(file.name):
            # One file at a time in memory: there may be a million utterances.
            is_complete = file.name in COMPLETE_FILES
            _check_utterances(file, read_scp(file), known, _list_of(data), is_complete=is_complete)
    _ = data.utt2num_samples  # checks that each is positive
    if data.segments is not None:
        _check_recordings(data, data.segments)
    _check_audio(data)
    if data.segments is not None:
        check_ends(known, data.path / "segments")
    _check_speakers(data)
    for trial_list in data.trials().values():
        read_trials(trial_list, known)


def _list_of(data: DataDir) -> str:
    """Name of the file that lists the utterances."""
    return "wav.scp" if data.segments is None else "segments"


def _check_audio(data: DataDir) -> None:
    """Check that every file of wav.scp exists; archives are read in dump directories only."""
    own_archives = (data.path / "audio").absolute()
    for number, place in enumerate(data.wav_scp.values(), 1):
        if is_dumped(place) and Path(place).absolute().parent == own_archives and Path(file_of(place)).is_file():
            continue
        if not Path(place).is_file():
            fault = "no such audio file; correct the path, or remove the line"
            if is_offset(place):
                fault = "a part of an archive is not read; write the audio to a file first and name that file"
            raise UserError(f"{data.path / 'wav.scp'}:{number}: {place!r}: {fault}")


def _check_utterances(
    file: Path, column: Mapping[str, str], known: Collection[str], listed_in: str, *, is_complete: bool
) -> None:
    is_label = file.name.startswith("utt2")
    for number, (utterance, value) in enumerate(column.items(), 1):
        if utterance not in known:
            raise UserError(f"{file}:{number}: utterance {utterance!r} is not in {listed_in}")
        # In a text, a character that only formats is legitimate.
        if is_label and "Cf" in (unicodedata.category(value[0]), unicodedata.category(value[-1])):
            raise UserError(f"{file}:{number}: {value!a} begins or ends with an invisible character; remove it")
    if is_complete:
        for utterance in known:
            if utterance not in column:
                raise UserError(f"{file}: utterance {utterance!r} of {listed_in} is missing")


def _check_recordings(data: DataDir, segments: Mapping[str, Segment]) -> None:
    used = {segment.recording for segment in segments.values()}
    for number, recording in enumerate(data.wav_scp, 1):
        if recording not in used:
            raise UserError(
                f"{data.path / 'wav.scp'}:{number}: no segment is of recording {recording!r}; remove the line"
            )


def _check_speakers(data: DataDir) -> None:
    """Check spk2utt, and that sorting by utterance sorts by speaker, or that utterances start with `<speaker>-`."""
    is_sorted = all(speaker <= following for speaker, following in pairwise(data.utt2spk.values()))
    for number, (utterance, speaker) in () if is_sorted else enumerate(data.utt2spk.items(), 1):
        if utterance != speaker and not utterance.startswith(f"{speaker}-"):
            raise UserError(
                f"{data.path / 'utt2spk'}:{number}: utterance {utterance!r} does not start with its "
                f"speaker {speaker!r} and '-', so sorting by utterance does not sort by speaker"
            )
    expected = invert(data.utt2spk)
    found = data.spk2utt
    for speaker in sorted(set(expected) | set(found)):
        if expected.get(speaker) != found.get(speaker):
            raise UserError(f"{data.path / 'spk2utt'}: speaker {speaker!r} disagrees with utt2spk; make it again")


def check_dump(path: Path) -> None:
    """Check that the files of a dump directory list the same utterances: a lost line would change a score.

    Targets, utt2num_samples and utt2spk list all utterances of wav.scp (or, in a set without audio, of utt2spk);
    text, text.<language> and the other utt2* some of them.

    Raises:
        UserError: naming the file, and the utterance that it lacks or that others lack.
    """
    listed_in = "wav.scp" if (path / "wav.scp").is_file() else "utt2spk"
    if not (path / listed_in).is_file():
        return
    known = read_scp(path / listed_in)
    for file in sorted(path.iterdir()):
        is_target = file.name.startswith("target_") and file.suffix == ".scp"
        if is_target or _is_column(file.name):
            is_complete = is_target or file.name in ("utt2num_samples", "utt2spk")
            _check_utterances(file, read_scp(file), known, listed_in, is_complete=is_complete)


def _is_column(name: str) -> bool:
    return name.startswith(("utt2", "text.")) or name == "text"


def validate_split(train_dir: str | Path, eval_dir: str | Path, shared: Iterable[str] = ()) -> None:
    """Check that nothing of train is in an evaluation set: audio, speakers, sentences, texts.

    Two sets may have segments of the same recording, as long as these do not overlap.

    Args:
        shared: what the recipe allows to overlap: some of SHAREABLE. Texts are compared
            normalized, across languages as well.

    Raises:
        UserError: listing evaluation utterances and the training utterances that they collide with;
            ValueError for a name that cannot be shared.
    """
    shared = set(shared)
    if not shared <= set(SHAREABLE):
        raise ValueError(f"shared {sorted(shared)}: expected some of {', '.join(SHAREABLE)}")
    train, evaluation = DataDir(train_dir), DataDir(eval_dir)
    overlaps = list(find_overlaps(train, evaluation, shared))
    if overlaps:
        listed = "; ".join(map(str, overlaps[:MAX_LISTED]))
        more = f"; and {len(overlaps) - MAX_LISTED} more" if len(overlaps) > MAX_LISTED else ""
        raise UserError(
            f"{evaluation.path} overlaps with {train.path} in {len(overlaps)} places: {listed}{more}; "
            "leave one of each two out"
        )
