"""Check data directories and dump directories."""

import unicodedata
from collections.abc import Collection, Mapping
from itertools import pairwise
from pathlib import Path

from espnet_ext.audio import RATE
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.locators import file_of, is_dumped, is_offset
from espnet_ext.kaldi.scp import read_scp
from espnet_ext.kaldi.segments import Segment, check_ends
from espnet_ext.kaldi.trials import read_trials
from espnet_ext.kaldi.utterances import invert
from espnet_ext.utils.errors import UserError

# Files by utterance, and those of them that list every utterance.
COLUMNS = ("utt2*", "text", "text.*")
COMPLETE_FILES = ("utt2spk", "utt2lang", "utt2source", "utt2num_samples")
COMPLETE_DUMP_FILES = ("utt2spk", "utt2num_samples", "target_*.scp")
# Lengths in a data directory are from headers, which may be off by a frame of the codec, or more for MP3.
MAX_DIFFERENCE_S, MAX_DIFFERENCE = 0.5, 0.05


def validate_data_dir(path: str | Path) -> None:
    """Check one data directory.

    wav.scp, utt2spk, spk2utt and utt2num_samples exist; every file is sorted and lists each key once; the audio files
    exist; the files of COMPLETE_FILES list exactly the utterances of wav.scp (or of segments), the other utt2*, text
    and text.<language> some of them; sorting by utterance sorts by speaker; spk2utt agrees with utt2spk; trials name
    known utterances only; segments lie inside their recordings (to END_TOLERANCE_S), and every recording has one.

    Raises:
        UserError: naming file, line and utterance of the first error.
    """
    data = DataDir(path)
    listed_in = "wav.scp" if data.segments is None else "segments"
    known = data.sources()
    if not known:
        raise UserError(f"{data.path / listed_in}: no utterances; run stage 1 again")
    for name in ("utt2spk", "spk2utt", "utt2num_samples"):
        if not (data.path / name).exists():
            raise UserError(f"{data.path / name}: no such file; run stage 1 again")
    _check_columns(data.path, known, listed_in, COMPLETE_FILES)
    _ = data.utt2num_samples  # checks that each is positive
    if data.segments is not None:
        _check_recordings(data, data.segments)
    _check_audio(data)
    if data.segments is not None:
        check_ends(known, data.path / "segments")
    _check_speakers(data)
    for trial_list in data.trials().values():
        read_trials(trial_list, known)


def check_dump(path: Path) -> None:
    """Check that the files of a dump directory list the same utterances: a missing line would change a score.

    Targets, utt2num_samples and utt2spk list all utterances of wav.scp (or, in a set without audio, of utt2spk);
    text, text.<language> and the other utt2* some of them.

    Raises:
        UserError: naming the file, and the utterance that is missing in it or in the others.
    """
    listed_in = "wav.scp" if (path / "wav.scp").is_file() else "utt2spk"
    if (path / listed_in).is_file():
        _check_columns(path, read_scp(path / listed_in), listed_in, COMPLETE_DUMP_FILES)


def _check_columns(folder: Path, known: Collection[str], listed_in: str, complete: Collection[str]) -> None:
    """Check the utterances of all COLUMNS and of the `complete` files in a folder."""
    for file in sorted(folder.iterdir()):
        is_complete = any(map(file.match, complete))
        if is_complete or any(map(file.match, COLUMNS)):
            # One file at a time in memory: there may be a million utterances.
            column = read_scp(file)
            _check_utterances(file, column, known, listed_in)
            missing = next((utterance for utterance in known if utterance not in column), None)
            if is_complete and missing is not None:
                raise UserError(f"{file}: utterance {missing!r} of {listed_in} is missing")


def _check_utterances(file: Path, column: Mapping[str, str], known: Collection[str], listed_in: str) -> None:
    is_label = file.name.startswith("utt2")
    for number, (utterance, value) in enumerate(column.items(), 1):
        if utterance not in known:
            raise UserError(f"{file}:{number}: utterance {utterance!r} is not in {listed_in}")
        # In a text, a character that only formats is legitimate.
        if is_label and "Cf" in (unicodedata.category(value[0]), unicodedata.category(value[-1])):
            raise UserError(f"{file}:{number}: {value!a} begins or ends with an invisible character; remove it")


def _check_audio(data: DataDir) -> None:
    """Check that every file of wav.scp exists; archives are read in dump directories only."""
    own_archives = (data.path / "audio").absolute()
    for number, locator in enumerate(data.wav_scp.values(), 1):
        in_dump = is_dumped(locator) and Path(locator).absolute().parent == own_archives
        if not Path(file_of(locator) if in_dump else locator).is_file():
            reason = "no such audio file; correct the path, or remove the line"
            if is_offset(locator):
                reason = "a part of an archive is not read; write the audio to a file first and name that file"
            raise UserError(f"{data.path / 'wav.scp'}:{number}: {locator!r}: {reason}")


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
    for speaker in sorted(set(expected) | set(data.spk2utt)):
        if expected.get(speaker) != data.spk2utt.get(speaker):
            raise UserError(f"{data.path / 'spk2utt'}: speaker {speaker!r} disagrees with utt2spk; make it again")


def check_header_lengths(file: object, listed: Mapping[str, int], num_samples: Mapping[str, int]) -> None:
    """Refuse (UserError) the utt2num_samples of a data directory if the length of the decoded audio is far from it.

    Args:
        file: for the message.
        listed, num_samples: utterance -> samples at 16 kHz, listed and decoded; only utterances of both are compared.
    """
    for utterance, decoded in num_samples.items():
        difference = abs(decoded - listed.get(utterance, decoded))
        if difference > max(MAX_DIFFERENCE_S * RATE, MAX_DIFFERENCE * decoded):
            raise UserError(
                f"{file}: utterance {utterance} has {listed[utterance]} samples, but its audio {decoded} at {RATE} Hz; "
                "correct the number"
            )
