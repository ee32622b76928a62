"""Check a data directory, and that an evaluation set shares nothing with the training set."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from espnet_ext.data.data_dir import COMPLETE_FILES, DataDir, invert
from espnet_ext.data.split import normalise
from espnet_ext.data.trials import read_trials
from espnet_ext.errors import UserError

# What may be named as shared between train and an evaluation set; audio files never may.
SHAREABLE = ("speaker", "sentence", "text")


def validate_data_dir(path: str | Path) -> None:
    """Check one data directory.

    wav.scp, utt2spk, spk2utt and utt2num_samples must be there; every file sorted, each key once;
    the files of COMPLETE_FILES list exactly the utterances of wav.scp, the other utt2* and text
    some of them; spk2utt agrees with utt2spk; trials name known utterances only.

    Raises:
        UserError: naming file, line and utterance of the first fault.
    """
    data = DataDir(path)
    known = data.wav_scp
    if not known:
        raise UserError(f"{data.path / 'wav.scp'}: no utterances; run stage 1 again")
    for name in ("utt2spk", "spk2utt", "utt2num_samples"):
        if data.read(name) is None:
            raise UserError(f"{data.path / name}: no such file; run stage 1 again")
    for file in sorted(data.path.iterdir()):
        if file.name.startswith("utt2") or file.name == "text":
            _check_utterances(file, data.read(file.name) or {}, known)
    _ = data.utt2num_samples  # checks that each is positive
    _check_speakers(data)
    for trial_list in data.trials().values():
        read_trials(trial_list, known)


def _check_utterances(file: Path, column: Mapping[str, str], known: Mapping[str, str]) -> None:
    for number, utterance in enumerate(column, 1):
        if utterance not in known:
            raise UserError(f"{file}:{number}: utterance {utterance!r} is not in wav.scp")
    if file.name in COMPLETE_FILES:
        for utterance in known:
            if utterance not in column:
                raise UserError(f"{file}: utterance {utterance!r} of wav.scp is missing")


def _check_speakers(data: DataDir) -> None:
    for number, (utterance, speaker) in enumerate(data.utt2spk.items(), 1):
        if not utterance.startswith(f"{speaker}-"):
            raise UserError(
                f"{data.path / 'utt2spk'}:{number}: utterance {utterance!r} does not start with its "
                f"speaker {speaker!r} and '-', so sorting by utterance does not sort by speaker"
            )
    expected = invert(data.utt2spk)
    found = data.spk2utt
    for speaker in sorted(set(expected) | set(found)):
        if expected.get(speaker) != found.get(speaker):
            raise UserError(
                f"{data.path / 'spk2utt'}: speaker {speaker!r} disagrees with utt2spk; make it again"
            )


def validate_split(train_dir: str | Path, eval_dir: str | Path, shared: Iterable[str] = ()) -> None:
    """Check that nothing of train is in an evaluation set: audio files, speakers, sentences, texts.

    Args:
        shared: what the recipe allows to overlap: some of SHAREABLE. Texts are compared
            normalised, across languages as well.

    Raises:
        UserError: naming the evaluation utterance and the training utterance it collides with;
            ValueError for a name that cannot be shared.
    """
    shared = set(shared)
    if not shared <= set(SHAREABLE):
        raise ValueError(f"shared {sorted(shared)}: expected some of {', '.join(SHAREABLE)}")
    train, evaluation = DataDir(train_dir), DataDir(eval_dir)
    columns = [
        ("audio file", train.wav_scp, evaluation.wav_scp),
        ("speaker", train.utt2spk, evaluation.utt2spk),
        ("sentence", train.utt2sent, evaluation.utt2sent),
        ("text", _normalised(train.text), _normalised(evaluation.text)),
    ]
    for what, in_train, in_evaluation in columns:
        if what in shared:
            continue
        owner = {value: utterance for utterance, value in (in_train or {}).items()}
        for utterance, value in (in_evaluation or {}).items():
            if value in owner:
                raise UserError(
                    f"{evaluation.path}: utterance {utterance!r} has the {what} {value!r} of training "
                    f"utterance {owner[value]!r} in {train.path}; leave one of them out"
                )


def _normalised(text: Mapping[str, str] | None) -> dict[str, str]:
    """Utterance -> normalised text, without texts of which nothing remains."""
    return {utterance: same for utterance, value in (text or {}).items() if (same := normalise(value))}
