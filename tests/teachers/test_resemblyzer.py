"""The batched speaker teacher against the package on single utterances, on synthetic voices."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from espeak import Espeak
from espnet_ext.audio.waveform import resample
from espnet_ext.teachers import Runtime, build_teacher
from espnet_ext.teachers.resemblyzer import MIN_SECONDS, ResemblyzerTeacher, prepare
from espnet_ext.utils.errors import UserError

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from resemblyzer import VoiceEncoder, preprocess_wav

RATE = 16000
SHORT, LONG = "Goodbye.", "One two three four five six seven eight nine ten. " * 6


@pytest.fixture(scope="module")
def teacher() -> ResemblyzerTeacher:
    return build_teacher("resemblyzer", Runtime("cpu"))


@pytest.fixture(scope="module")
def speech() -> dict[str, np.ndarray]:
    """Utterances of 0.5 s to 20 s at 16 kHz by two voices."""
    espeak = Espeak()
    texts = {"short": SHORT, "middle": "Please leave a message after the tone.", "long": LONG}
    spoken = {
        f"{voice}-{name}": resample(espeak.speak(text, voice), espeak.rate)
        for voice in ("en-us", "en-us+f4")
        for name, text in texts.items()
    }
    pause = np.zeros(2 * RATE, np.float32)
    return spoken | {"paused": np.concatenate([spoken["en-us-middle"], pause, spoken["en-us-middle"]])}


def test_embeddings_match_the_package_if_no_clip_is_repeated(
    teacher: ResemblyzerTeacher, speech: dict[str, np.ndarray]
) -> None:
    encoder = VoiceEncoder("cpu", verbose=False)
    long_enough = {name: s for name, s in speech.items() if len(preprocess_wav(s)) >= MIN_SECONDS * RATE}
    assert len(long_enough) >= 5
    vectors = teacher.embed(list(long_enough.values()))
    for (name, samples), vector in zip(long_enough.items(), vectors, strict=True):
        expected = encoder.embed_utterance(preprocess_wav(samples))
        np.testing.assert_allclose(vector, expected, atol=1e-5, err_msg=name)


def test_a_short_clip_is_repeated_to_the_length_of_a_window(
    teacher: ResemblyzerTeacher, speech: dict[str, np.ndarray]
) -> None:
    trimmed = preprocess_wav(speech["en-us-short"])
    assert len(trimmed) < MIN_SECONDS * RATE / 2
    repeated = np.concatenate([trimmed] * 10)[: int(MIN_SECONDS * RATE)]
    expected = VoiceEncoder("cpu", verbose=False).embed_utterance(repeated)
    np.testing.assert_allclose(teacher.embed([speech["en-us-short"]])[0], expected, atol=1e-5)


def test_an_utterance_does_not_depend_on_its_batch_mates(
    teacher: ResemblyzerTeacher, speech: dict[str, np.ndarray]
) -> None:
    together = teacher.embed([*speech.values()] * 3)  # more windows than one forward takes
    alone = np.concatenate([teacher.embed([samples]) for samples in speech.values()])
    np.testing.assert_allclose(together, np.tile(alone, (3, 1)), atol=1e-6)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-6)


def test_the_same_voice_is_nearer_than_another(teacher: ResemblyzerTeacher, speech: dict[str, np.ndarray]) -> None:
    names = ("en-us-long", "en-us-middle", "en-us+f4-long")
    same, same_too, other = teacher.embed([speech[name] for name in names])
    assert same @ same_too > same @ other + 0.05


def test_digital_silence_gives_nan_without_changing_batch_mates(
    teacher: ResemblyzerTeacher, speech: dict[str, np.ndarray]
) -> None:
    samples = speech["en-us-middle"]
    silent, spoken = teacher.embed([np.zeros(RATE, np.float32), samples])
    assert np.isnan(silent).all()
    np.testing.assert_allclose(spoken, teacher.embed([samples])[0], atol=1e-6)


@pytest.mark.parametrize("num_samples", [1, 300, 480, RATE])
def test_audio_without_any_voice_is_not_trimmed(teacher: ResemblyzerTeacher, num_samples: int) -> None:
    noise = 1e-3 * np.random.default_rng(0).standard_normal(num_samples).astype(np.float32)
    prepared = prepare(noise)
    assert len(prepared) == int(MIN_SECONDS * RATE)
    assert np.isfinite(prepared).all()
    assert np.isfinite(teacher.embed([noise])).all()


def test_a_damaged_weights_file_gives_one_error_line(
    teacher: ResemblyzerTeacher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resemblyzer

    whole = (Path(resemblyzer.__file__).parent / "pretrained.pt").read_bytes()
    (tmp_path / "pretrained.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"pretrained.pt: damaged .*install Resemblyzer again"):
        teacher._load(tmp_path / "pretrained.pt")
