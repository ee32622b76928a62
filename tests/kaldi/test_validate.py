"""The validator names file, line and utterance of every kind of error."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.overlap import validate_split
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.kaldi.utterances import Utterance, invert, write_utterances
from espnet_ext.kaldi.validate import validate_data_dir
from espnet_ext.utils.errors import UserError

MakeDataDir = Callable[..., Path]


@pytest.fixture
def data(make_data_dir: MakeDataDir) -> Path:
    return make_data_dir("train", {"a-1": 1600, "a-2": 3200, "b-1": 1600})


def change(path: Path, utterance: str, value: str) -> None:
    write_scp(path, read_scp(path) | {utterance: value})


def remove(path: Path, utterance: str) -> None:
    write_scp(path, {key: value for key, value in read_scp(path).items() if key != utterance})


def test_a_valid_directory_passes(data: Path) -> None:
    (data / "trials").mkdir()
    (data / "trials/verification").write_text("1 a-1 a-2\n0 a-1 b-1\n")
    remove(data / "text", "a-2")  # not every utterance has a transcript
    validate_data_dir(data)


@pytest.mark.parametrize("name", ["utt2lang", "utt2source", "utt2spk", "utt2num_samples"])
def test_the_error_names_an_utterance_missing_in_a_complete_file(data: Path, name: str) -> None:
    remove(data / name, "a-2")
    with pytest.raises(UserError, match=f"{name}: utterance 'a-2' of wav.scp is missing"):
        validate_data_dir(data)


@pytest.mark.parametrize("name", ["text", "utt2sent", "utt2lang"])
def test_the_error_names_an_unknown_utterance_and_its_line(data: Path, name: str) -> None:
    change(data / name, "a-9", "x")
    with pytest.raises(UserError, match=rf"{name}:3: utterance 'a-9' is not in wav.scp"):
        validate_data_dir(data)


@pytest.mark.parametrize("value", ["0", "-3", "12.5", "many", "²"])
def test_sample_counts_must_be_positive_integers(data: Path, value: str) -> None:
    change(data / "utt2num_samples", "a-2", value)
    with pytest.raises(UserError, match=rf"utt2num_samples:2: 'a-2' has '{value}' samples"):
        validate_data_dir(data)


def test_spk2utt_must_agree_with_utt2spk(data: Path) -> None:
    write_scp(data / "spk2utt", {"a": "a-1", "b": "a-2 b-1"})
    with pytest.raises(UserError, match="spk2utt: speaker 'a' disagrees"):
        validate_data_dir(data)


def test_an_utterance_must_start_with_its_speaker(data: Path) -> None:
    change(data / "utt2spk", "a-2", "z")
    with pytest.raises(UserError, match=r"utt2spk:2: utterance 'a-2' does not start with its speaker 'z'"):
        validate_data_dir(data)


@pytest.mark.parametrize("name", ["wav.scp", "utt2spk", "spk2utt", "utt2num_samples"])
def test_the_error_names_a_missing_file(data: Path, name: str) -> None:
    (data / name).unlink()
    with pytest.raises(UserError, match=f"{name}: no such file"):
        validate_data_dir(data)


@pytest.mark.parametrize("speakers", [["a", "a", "b"], ["a_", "b", "b"], ["x", "x", "x"]])
def test_a_directory_sorted_by_speaker_passes(data: Path, speakers: list[str]) -> None:
    utt2spk = dict(zip(read_scp(data / "utt2spk"), speakers, strict=True))
    write_scp(data / "utt2spk", utt2spk)
    write_scp(data / "spk2utt", invert(utt2spk))
    validate_data_dir(data)


def test_speakers_with_scattered_utterances_are_refused(data: Path) -> None:
    write_scp(data / "utt2spk", {"a-1": "x", "a-2": "y", "b-1": "x"})
    with pytest.raises(UserError, match=r"utt2spk:1: utterance 'a-1' does not start with its speaker 'x'"):
        validate_data_dir(data)


@pytest.mark.parametrize(
    ("locator", "reason"),
    [
        ("/nowhere/a.wav", "no such audio file"),
        ("/", "no such audio file"),
        ("raw.ark:12", "a part of an archive is not read"),
        ("raw.ark:12[0:100]", "a part of an archive is not read"),
        ("sph2pipe -f wav a.sph |", "commands are not run"),
    ],
)
def test_the_error_names_unreadable_audio_and_its_line(data: Path, locator: str, reason: str) -> None:
    (data / "raw.ark").touch()
    change(data / "wav.scp", "a-2", locator.replace("raw", f"{data}/raw"))
    with pytest.raises(UserError, match=f"wav.scp:2: '.*': {reason}"):
        validate_data_dir(data)


def test_files_with_a_byte_order_mark_and_padded_lines_pass(data: Path) -> None:
    for name in ("wav.scp", "utt2spk", "spk2utt", "text", "utt2lang"):
        padded = (data / name).read_text().replace(" ", " \t", 1).replace("\n", " \n")
        (data / name).write_text(f"\ufeff{padded}", encoding="utf-8")
    validate_data_dir(data)
    assert set(DataDir(data).utt2lang.values()) == {"eng"}


@pytest.mark.parametrize("value", ["eng\u200b", "\u200eeng", "eng\u00a0"])
def test_the_error_names_an_invisible_character_of_a_label(data: Path, value: str) -> None:
    lines = (data / "utt2lang").read_text(encoding="utf-8").splitlines()
    (data / "utt2lang").write_text("\n".join([lines[0], f"a-2 {value}", lines[2], ""]), encoding="utf-8")
    with pytest.raises(UserError, match="utt2lang:2: "):
        validate_data_dir(data)


def test_an_empty_directory_is_refused(data: Path) -> None:
    (data / "wav.scp").write_text("")
    with pytest.raises(UserError, match="no utterances"):
        validate_data_dir(data)


@pytest.mark.parametrize(
    ("trials", "message"),
    [
        ("1 a-1 a-2\n0 a-1 c-1\n", r"verification:2: utterance 'c-1' is not in the data directory"),
        ("1 a-1 a-2\n2 a-1 b-1\n", r"verification:2: expected `1\|0 enrol test`"),
        ("1 a-1\n", r"verification:1: expected"),
        ("", r"verification: no trials"),
    ],
)
def test_the_error_names_a_bad_trial(data: Path, trials: str, message: str) -> None:
    (data / "trials").mkdir()
    (data / "trials/verification").write_text(trials)
    with pytest.raises(UserError, match=message):
        validate_data_dir(data)


@pytest.fixture
def test_dir(make_data_dir: MakeDataDir, data: Path) -> Path:
    return make_data_dir("test", {"c-1": 1600, "c-2": 1600})


def test_an_utterance_can_be_its_own_speaker(data: Path) -> None:
    change(data / "utt2spk", "b-1", "b-1")
    write_scp(data / "spk2utt", {"a": "a-1 a-2", "b-1": "b-1"})
    validate_data_dir(data)


@pytest.fixture
def make_talks(tmp_path: Path) -> Callable[..., Path]:
    """Make a data directory of one talk of 2 s, cut at the given times: `make("test", {"a-1": (0, 1)})`."""
    path = tmp_path / "talk.wav"
    soundfile.write(path, np.zeros(32000), 16000)

    def make(name: str, times: dict[str, tuple[float, float]]) -> Path:
        (tmp_path / name).mkdir()
        texts = {"text": name, "translations": {"eng": "x"}}
        utterances = [
            Utterance(f"{name}_{part}", f"{name}_a", path, 16000, "spa", recording="talk", spans=(span,), **texts)
            for part, span in times.items()
        ]
        write_utterances(tmp_path / name, utterances)
        return tmp_path / name

    return make


def test_a_directory_with_segments_passes(make_talks: MakeDataDir) -> None:
    # The last end exceeds the talk by less than the tolerance.
    validate_data_dir(make_talks("train", {"a-1": (0.0, 1.0), "a-2": (1.0, 2.05)}))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("segments", "train_a-1 talk 0 1\ntrain_a-2 talk 1 2.2\n", r"segments:2: .*'train_a-2' ends at 2.2 s, but .*"),
        ("segments", "train_a-1 talk 0 1\ntrain_a-2 talk 1 0.5\n", "segments:2: .* lasts from 1 s to 0.5 s"),
        ("segments", "train_a-1 talk 0 1\ntrain_a-2 walk 1 2\n", "recording 'walk' of utterance 'train_a-2' is not in"),
        ("segments", "train_a-1 talk 0 1\n", "text:2: utterance 'train_a-2' is not in segments"),
        ("segments", "", "segments: no utterances"),
        ("text.eng", "train_a-1 x\nz y\n", r"text.eng:2: utterance 'z' is not in segments"),
        ("utt2lang", "train_a-1 spa\n", r"utt2lang: utterance 'train_a-2' of segments is missing"),
    ],
)
def test_an_error_in_segments_names_its_line(make_talks: MakeDataDir, file: str, content: str, message: str) -> None:
    data = make_talks("train", {"a-1": (0.0, 1.0), "a-2": (1.0, 2.0)})
    (data / file).write_text(content)
    with pytest.raises(UserError, match=message):
        validate_data_dir(data)


def test_the_error_names_a_recording_without_segments(make_talks: MakeDataDir) -> None:
    data = make_talks("train", {"a-1": (0.0, 1.0)})
    change(data / "wav.scp", "unused", "/unused.wav")
    with pytest.raises(UserError, match="wav.scp:2: no segment is of recording 'unused'"):
        validate_data_dir(data)


def test_sets_can_share_a_recording_but_not_its_audio(make_talks: MakeDataDir) -> None:
    train = make_talks("train", {"a-1": (0.0, 1.0)})
    validate_split(train, make_talks("dev", {"a-1": (1.0, 2.0)}))
    with pytest.raises(UserError, match="'test_a-2' has the audio file .*talk.wav' of training utterance 'train_a-1'"):
        validate_split(train, make_talks("test", {"a-1": (1.0, 2.0), "a-2": (0.9, 1.5)}))


def test_sets_without_overlap_pass(data: Path, test_dir: Path) -> None:
    validate_split(data, test_dir)


def test_a_shared_audio_file_is_never_allowed(data: Path, test_dir: Path) -> None:
    change(test_dir / "wav.scp", "c-2", DataDir(data).wav_scp["a-1"])
    with pytest.raises(UserError, match="utterance 'c-2' has the audio file .* of training utterance 'a-1'"):
        validate_split(data, test_dir, {"speaker", "sentence", "text"})


@pytest.mark.parametrize(
    ("what", "name", "value"),
    [("speaker", "utt2spk", "a"), ("sentence", "utt2sent", "train0"), ("text", "text", "¡TEXT of train, a-1!")],
)
def test_an_overlap_is_an_error_unless_the_recipe_allows_it(
    data: Path, test_dir: Path, what: str, name: str, value: str
) -> None:
    change(test_dir / name, "c-2", value)
    with pytest.raises(UserError, match=f"utterance 'c-2' has the {what} .* of training utterance 'a-"):
        validate_split(data, test_dir)
    validate_split(data, test_dir, {what})


def test_every_overlap_is_listed_up_to_ten(make_data_dir: MakeDataDir) -> None:
    train = make_data_dir("train", {f"a-{n:02d}": 160 for n in range(12)})
    test = make_data_dir("test", {f"b-{n:02d}": 160 for n in range(12)})
    write_scp(test / "utt2sent", {f"b-{n:02d}": f"train{n}" for n in range(2)})
    with pytest.raises(UserError, match="in 2 places: utterance 'b-00' .* 'a-00'; utterance 'b-01' .* 'a-01'; leave"):
        validate_split(train, test)
    write_scp(test / "utt2sent", {f"b-{n:02d}": f"train{n}" for n in range(12)})
    with pytest.raises(UserError, match="in 12 places: .* 'b-09' .*; and 2 more; leave"):
        validate_split(train, test)


def test_an_unknown_kind_of_sharing_is_refused(data: Path, test_dir: Path) -> None:
    with pytest.raises(ValueError, match="expected some of speaker, sentence, text"):
        validate_split(data, test_dir, {"speakers"})
