"""UttEncoder: one embedding per recording, independent of batch mates and file format, for any length."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kaldiio
import numpy as np
import pytest
import soundfile
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from espnet_ext.audio.waveform import resample, to_int16
from espnet_ext.bin import embed as embed_command
from espnet_ext.inference import embed_files
from espnet_ext.inference import utt_encoder as inference
from espnet_ext.inference.utt_encoder import UttEncoder
from espnet_ext.kaldi.archives import append_to_ark
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.kaldi.segments import Segment, write_segments
from espnet_ext.utils.errors import UserError

NAMES = ["sem", "spk"]
WINDOW = 16_000


@pytest.fixture(scope="module")
def encoder(model_folder: Path) -> UttEncoder:
    return UttEncoder.from_pretrained(model_folder, device="cpu")


@pytest.fixture(scope="module")
def recordings() -> list[np.ndarray]:
    """32 recordings of mixed lengths up to one window, exact in 16 bits so that every file format preserves them."""
    random = np.random.default_rng(0)
    lengths = [400, WINDOW, *random.integers(401, WINDOW, 30)]
    return [to_int16(random.normal(0, 0.1, length)).astype(np.float32) / 32768 for length in lengths]


@pytest.fixture(scope="module")
def alone(encoder: UttEncoder, recordings: list[np.ndarray]) -> dict[str, np.ndarray]:
    parts = [encoder.encode([recording]) for recording in recordings]
    return {name: np.concatenate([part[name] for part in parts]) for name in NAMES}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, recordings: list[np.ndarray]) -> Path:
    """The recordings as files, in a folder whose name has a space."""
    path = tmp_path_factory.mktemp("audio") / "some audio"
    path.mkdir()
    for index, recording in enumerate(recordings):
        suffix = ("wav", "flac")[index % 2]
        soundfile.write(path / f"r{index:02}.{suffix}", recording, 16_000, subtype="PCM_16")
    return path


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert sorted(found) == NAMES
    for name in NAMES:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5, rtol=0)


def run_command(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr("sys.argv", ["embed", "--device", "cpu", *map(str, words)])
    embed_command.main()


def test_embeddings_are_equal_alone_and_in_a_batch_of_32_mixed_lengths(
    encoder: UttEncoder, recordings: list[np.ndarray], alone: dict[str, np.ndarray]
) -> None:
    together = encoder.encode(recordings)
    assert_same(together, alone)
    for name, dim in (("sem", 8), ("spk", 6)):
        assert together[name].shape == (32, dim) and together[name].dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(together[name], axis=1), 1, atol=1e-6)


def test_embeddings_are_equal_in_small_batches(
    encoder: UttEncoder, recordings: list[np.ndarray], alone: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder, "batch_s", 1.5)
    monkeypatch.setattr(inference, "BUFFER_S", 4.0)
    assert_same(encoder.encode(recordings), alone)


def out_of_memory(encoder: UttEncoder, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Simulate a memory that cannot hold batches larger than `most`."""
    plain = encoder.model.embed

    def embed(speech: torch.Tensor, num_samples: torch.Tensor) -> dict[str, torch.Tensor]:
        if len(speech) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return plain(speech, num_samples)

    monkeypatch.setattr(encoder.model, "embed", embed)
    monkeypatch.setattr(encoder, "batch_s", encoder.batch_s)


def test_batches_that_do_not_fit_into_memory_are_halved(
    encoder: UttEncoder,
    recordings: list[np.ndarray],
    alone: dict[str, np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    out_of_memory(encoder, monkeypatch, most=5)
    assert_same(encoder.encode(recordings), alone)
    assert re.search(r"out of memory on cpu in a batch of \d+ \([\d.]+ s of audio, padded\): continuing", caplog.text)
    out_of_memory(encoder, monkeypatch, most=0)
    told = r"out of memory on cpu in a batch of 1 \(1 s of audio, padded\); use --autocast bfloat16"
    with pytest.raises(UserError, match=told):
        encoder.encode(recordings)


class CountedCasts(TorchDispatchMode):
    """Counts the casts of parameters to bfloat16."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.counts = dict.fromkeys((parameter.data_ptr() for parameter in model.parameters()), 0)

    def __torch_dispatch__(self, function: Callable, types: tuple, args: tuple = (), kwargs: dict | None = None) -> Any:
        if function is torch.ops.aten._to_copy.default and args[0].data_ptr() in self.counts:
            self.counts[args[0].data_ptr()] += kwargs["dtype"] is torch.bfloat16
        return function(*args, **(kwargs or {}))


def test_weights_are_cast_to_bfloat16_once_for_all_batches(model_folder: Path, recordings: list[np.ndarray]) -> None:
    encoder = UttEncoder.from_pretrained(model_folder, "cpu", "bfloat16")
    encoder.batch_s = 2.0
    with CountedCasts(encoder.model) as casts:
        encoder.encode(recordings)
    assert max(casts.counts.values()) == 1
    assert sum(casts.counts.values()) > 20


def test_a_missing_device_gives_one_error_line(model_folder: Path) -> None:
    with pytest.raises(UserError, match="--device warp9: not usable here"):
        UttEncoder.from_pretrained(model_folder, "warp9")


def test_the_command_writes_the_same_embeddings_to_npz(
    model_folder: Path, folder: Path, alone: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embed_files, "CHUNK_RECORDINGS", 5)
    out = tmp_path / "out dir" / "e.npz"
    run_command(monkeypatch, "--model", model_folder, "--out", out, folder)
    with np.load(out, allow_pickle=False) as content:
        found = {name: content[name] for name in content}
    assert found.pop("ids").tolist() == [f"r{index:02}" for index in range(32)]
    assert_same(found, alone)


def test_the_command_embeds_a_dump_to_a_kaldi_archive(
    model_folder: Path,
    recordings: list[np.ndarray],
    alone: dict[str, np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_scp(tmp_path / "wav.scp", dump_entries(recordings, tmp_path / "audio.ark"))
    run_command(monkeypatch, "--model", model_folder, "--out", tmp_path / "out", tmp_path)
    assert_same(read_vectors(tmp_path / "out"), alone)


def test_the_command_embeds_segments_of_a_recording(
    model_folder: Path,
    recordings: list[np.ndarray],
    alone: dict[str, np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    soundfile.write(tmp_path / "talk.wav", np.concatenate(recordings), 16000, subtype="FLOAT")
    ends = np.cumsum([len(samples) for samples in recordings]) / 16000
    spans = zip([0.0, *ends], ends, strict=False)
    segments = {f"r{index:02}": Segment("talk", ((start, end),)) for index, (start, end) in enumerate(spans)}
    write_segments(tmp_path / "segments", segments)
    write_scp(tmp_path / "wav.scp", {"talk": tmp_path / "talk.wav"})
    run_command(monkeypatch, "--model", model_folder, "--out", tmp_path / "out", tmp_path)
    assert_same(read_vectors(tmp_path / "out"), alone)


def dump_entries(recordings: list[np.ndarray], ark: Path) -> dict[str, str]:
    with ark.open("wb") as stream:
        offsets = [append_to_ark(stream, f"r{index:02}", samples) for index, samples in enumerate(recordings)]
    return {f"r{index:02}": f"{ark}:{offset}" for index, offset in enumerate(offsets)}


def read_vectors(folder: Path) -> dict[str, np.ndarray]:
    """Read vectors with kaldiio, as any other program would."""
    return {
        name: np.stack([kaldiio.load_mat(entry) for entry in read_scp(folder / f"{name}.scp").values()])
        for name in NAMES
    }


@pytest.mark.parametrize("rest", [0, 399, 5000])
def test_a_long_recording_is_the_mean_of_its_windows_weighted_by_duration(
    encoder: UttEncoder, tmp_path: Path, rest: int
) -> None:
    samples = np.random.default_rng(1).normal(0, 0.1, 2 * WINDOW + rest).astype(np.float32)
    soundfile.write(tmp_path / "long.wav", samples, 16_000, subtype="FLOAT")
    windows = [samples[start : start + WINDOW] for start in range(0, len(samples), WINDOW)]
    windows = [window for window in windows if len(window) >= 400]  # less than a frame is dropped
    assert len(windows) == (3 if rest == 5000 else 2)
    of_windows = encoder.encode(windows)
    expected = {}
    for name in NAMES:
        total = sum(len(w) * v.astype(np.float64) for w, v in zip(windows, of_windows[name], strict=True))
        expected[name] = (total / np.sqrt((total**2).sum()))[None]
    assert_same(encoder.encode([samples]), expected)
    assert_same(encoder.encode([tmp_path / "long.wav"]), expected)


def test_memory_is_limited_to_a_buffer_for_any_length(encoder: UttEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    largest = 0
    plain = encoder._sorted_batches

    def watched(buffer: list[tuple[int, np.ndarray]]) -> list:
        nonlocal largest
        largest = max(largest, sum(len(samples) for _, samples in buffer))
        return plain(buffer)

    monkeypatch.setattr(inference, "BUFFER_S", 3.0)
    monkeypatch.setattr(encoder, "_sorted_batches", watched)
    encoder.encode([np.random.default_rng(0).normal(0, 0.1, 20 * WINDOW).astype(np.float32)])
    assert largest <= 3 * WINDOW


def test_the_error_names_a_recording_that_is_too_short(encoder: UttEncoder, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "short one.wav", np.zeros(399), 16_000)
    with pytest.raises(UserError, match="short one.wav: 399 samples are too short; the encoder needs 400"):
        encoder.encode([tmp_path / "short one.wav"])
    with pytest.raises(UserError, match="recording 1: 0 samples are too short"):
        encoder.encode([np.zeros(WINDOW, np.float32), np.zeros(0, np.float32)])


def test_two_channels_are_refused_without_downmix(encoder: UttEncoder, tmp_path: Path) -> None:
    stereo = np.random.default_rng(0).uniform(-0.5, 0.5, (5000, 2)).astype(np.float32)
    soundfile.write(tmp_path / "stereo.wav", stereo, 16_000, subtype="FLOAT")
    with pytest.raises(UserError, match="stereo.wav: 2 channels"):
        encoder.encode([tmp_path / "stereo.wav"])
    downmixed = UttEncoder(encoder.model, downmix=True).encode([tmp_path / "stereo.wav"])
    assert_same(downmixed, encoder.encode([stereo.mean(axis=1)]))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_error_names_a_sample_that_is_not_a_number(encoder: UttEncoder, tmp_path: Path, bad: float) -> None:
    samples = np.zeros(5000, np.float32)
    samples[77] = bad
    with pytest.raises(UserError, match="recording 0: sample 77 is not a finite number"):
        encoder.encode([samples])
    soundfile.write(tmp_path / "bad.wav", samples, 16_000, subtype="FLOAT")
    with pytest.raises(UserError, match="bad.wav: sample 77 is not a finite number"):
        encoder.encode([tmp_path / "bad.wav"])


def test_the_error_names_an_array_of_channels_or_integers(encoder: UttEncoder) -> None:
    with pytest.raises(UserError, match="recording 0: an array of int16, expected floats"):
        encoder.encode([np.zeros(5000, np.int16)])
    with pytest.raises(UserError, match=r"recording 0: an array of shape \(5000, 2\), expected \(samples,\)"):
        encoder.encode([np.zeros((5000, 2), np.float32)])


def test_an_empty_list_has_no_rows(encoder: UttEncoder) -> None:
    assert {name: rows.shape for name, rows in encoder.encode([]).items()} == {"sem": (0, 8), "spk": (0, 6)}


# (samples,) float32 and the path of a WAV file of them -> a recording of another form.
FORMS: dict[str, Callable[[np.ndarray, Path], Any]] = {
    "negative strides": lambda x, path: x[::-1].copy()[::-1],
    "other byte order": lambda x, path: x.astype(">f4"),
    "float64": lambda x, path: x.astype(np.float64),
    "read only": lambda x, path: np.frombuffer(x.tobytes(), np.float32),
    "channels of a single one": lambda x, path: x[None],
    "tensor": lambda x, path: torch.from_numpy(x),
    "tensor with a gradient": lambda x, path: torch.from_numpy(x).requires_grad_(),
    "list": lambda x, path: x.tolist(),
    "pair": lambda x, path: (x, 16_000),
    "pair of torchaudio": lambda x, path: (torch.from_numpy(x)[None], 16_000),
    "pair of another rate": lambda x, path: (resample(x, 16_000, 32_000), 32_000.0),
    "array in a dict": lambda x, path: {"array": x, "sampling_rate": 16_000, "path": "nowhere.wav"},
    "name": lambda x, path: str(path),
    "path": lambda x, path: path,
    "path in a dict": lambda x, path: {"bytes": None, "path": str(path)},
    "bytes": lambda x, path: path.read_bytes(),
    "bytes in a dict": lambda x, path: {"bytes": path.read_bytes(), "path": None},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_recording_has_the_same_embedding(
    encoder: UttEncoder, recordings: list[np.ndarray], alone: dict[str, np.ndarray], folder: Path, form: str
) -> None:
    found = encoder.encode([recordings[2], FORMS[form](recordings[4], folder / "r04.wav")])
    atol = 1e-2 if "rate" in form else 1e-5  # a resampler is not the identity
    for name in NAMES:
        np.testing.assert_allclose(found[name], alone[name][[2, 4]], atol=atol, rtol=0)


def test_a_sampling_rate_is_never_ignored(encoder: UttEncoder, recordings: list[np.ndarray]) -> None:
    samples = recordings[4]
    expected = encoder.encode([resample(samples, 44_100, 16_000)])
    assert_same(encoder.encode([samples], 44_100), expected)
    assert_same(encoder.encode([(samples, 44_100)]), expected)
    assert_same(encoder.encode([{"array": samples, "sampling_rate": 44_100}], 8_000), expected)


@pytest.mark.parametrize(
    ("recording", "message"),
    [
        (None, "a NoneType is not a recording; expected a file name"),
        ([["a.wav"]], "a list is not a recording"),
        ((16_000, np.zeros(5000, np.float32)), "a tuple is not a recording"),
        (("a.wav", 16_000), "a str is not a recording"),
        (np.zeros(5000, complex), "a ndarray is not a recording"),
        ({"raw": np.zeros(5000), "sampling_rate": 8000}, "a dict with raw, sampling_rate; expected a file name"),
        ({"array": np.zeros(5000)}, "a dict with `array` but without `sampling_rate`"),
        ((np.zeros(5000, np.float32), 1), "sampling rate 1 Hz, expected 1,000 to"),
        ((np.zeros(5000, np.float32), 10**8), "sampling rate 1e+08 Hz, expected"),
        ((np.zeros(5000, np.float32), np.nan), "sampling rate nan, expected a number"),
        (b"", "empty audio file"),
    ],
)
def test_the_error_gives_the_index_of_a_value_that_is_not_a_recording(
    encoder: UttEncoder, recording: Any, message: str
) -> None:
    with pytest.raises(UserError, match=f"^recording 1: {re.escape(message)}"):
        encoder.encode([np.zeros(5000, np.float32), recording])


def test_the_error_gives_the_index_of_bytes_that_are_not_audio(encoder: UttEncoder) -> None:
    with pytest.raises(UserError, match="^recording 0: ") as error:
        encoder.encode([b"not audio"])
    assert "/tmp" not in str(error.value)


@pytest.mark.parametrize(
    "audio", ["a.wav", Path("a.wav"), b"RIFF", np.zeros(5000, np.float32), torch.zeros(5000), {"path": "a.wav"}]
)
def test_one_recording_instead_of_a_list_is_refused(encoder: UttEncoder, audio: Any) -> None:
    with pytest.raises(UserError, match=r"audio: expected a list of recordings, found one .*; write encode"):
        encoder.encode(audio)


@pytest.mark.parametrize("scale", [32_768, 1e30, 1e300])
def test_samples_far_beyond_full_scale_are_refused(encoder: UttEncoder, scale: float) -> None:
    samples = np.r_[0.0, np.random.default_rng(0).normal(0, 0.1, 5000)]
    with pytest.raises(UserError, match=r"recording 1: sample 1 is .*, far beyond \[-1, 1\]; divide"):
        encoder.encode([samples, samples * scale])


def test_unreadable_recordings_are_excluded(
    encoder: UttEncoder, recordings: list[np.ndarray], alone: dict[str, np.ndarray], tmp_path: Path
) -> None:
    # Its first window is good.
    soundfile.write(tmp_path / "cut.wav", np.r_[np.zeros(2 * WINDOW), np.nan], 16_000, subtype="FLOAT")
    found, errors = encoder.encode_readable([recordings[0], tmp_path / "cut.wav", recordings[1], "gone.wav"])
    assert_same(found, {name: rows[:2] for name, rows in alone.items()})
    assert sorted(errors) == [1, 3]
    assert "cut.wav: " in errors[1] and "gone.wav: no such" in errors[3]
    found, errors = encoder.encode_readable(["gone.wav"])
    assert found["sem"].shape == (0, 8) and list(errors) == [0]


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_the_error_names_a_model_without_embeddings(
    model_folder: Path, recordings: list[np.ndarray], value: float
) -> None:
    encoder = UttEncoder.from_pretrained(model_folder, "cpu")
    for parameter in encoder.model.heads["spk"].parameters():
        parameter.data.fill_(value)
    with pytest.raises(UserError, match="recording 0: its spk embedding is not a finite vector other than 0; the weig"):
        encoder.encode(recordings[:1])
