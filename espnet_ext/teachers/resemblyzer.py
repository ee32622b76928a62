"""Resemblyzer: a GE2E speaker encoder (Wan et al., 2018, arXiv 1710.10467)."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from espnet_ext.teachers.abs_teacher import AbsTeacher, package_version
from espnet_ext.teachers.runtime import DEFAULT_RUNTIME, Runtime, teacher_inference
from espnet_ext.utils.errors import UserError

RATE = 16000
# The model reads windows of 1.6 s; a shorter utterance is repeated, not padded with silence.
MIN_SECONDS = 1.7
# Minimum part of audio in the last window, and windows per second: Resemblyzer's defaults.
MIN_COVERAGE = 0.75
WINDOWS_PER_SECOND = 1.3
BATCH_WINDOWS = 64


class ResemblyzerTeacher(AbsTeacher):
    """Speaker teacher, 256-d, from PyPI (Apache-2.0); the package contains its weights.

    The vector of an utterance is that of `VoiceEncoder.embed_utterance(preprocess_wav(audio))`; the windows of many
    utterances share a forward pass.

    Args:
        runtime: device.

    Raises:
        UserError: the package is not installed, or its weights file is damaged.
    """

    name = "resemblyzer"
    modality = "speech"
    dim = 256
    normalisation = "volume, long silences cut, repeated to 1.7 s; mean of windows of 1.6 s; L2"

    def __init__(self, runtime: Runtime = DEFAULT_RUNTIME) -> None:
        # --no-deps, because it requires the obsolete `typing`; it really needs webrtcvad-wheels.
        self.version = package_version("Resemblyzer", self.name, "--no-deps webrtcvad-wheels ")
        import torch

        self.compute_on(runtime)
        self.lstm = torch.nn.LSTM(40, 256, num_layers=3, batch_first=True)
        self.linear = torch.nn.Linear(256, self.dim)
        spec = find_spec("resemblyzer")
        assert spec and spec.origin  # its version is known, so it is installed
        self._load(Path(spec.origin).parent / "pretrained.pt")

    def _load(self, path: Path) -> None:
        import torch

        try:
            # A pickle, of which only tensors and plain containers are loaded.
            weights = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
            for name, module in (("lstm", self.lstm), ("linear", self.linear)):
                part = {k.removeprefix(f"{name}."): w for k, w in weights.items() if k.startswith(f"{name}.")}
                module.load_state_dict(part)
                module.to(self.device).eval().requires_grad_(False)
        except Exception as error:  # torch.load raises many kinds of errors
            raise UserError(f"{path}: damaged ({type(error).__name__}); install Resemblyzer again") from error

    def _embed(self, items: Sequence[np.ndarray]) -> np.ndarray:
        sums = np.zeros((len(items), self.dim))
        for windows, owners in self._window_batches(items):
            np.add.at(sums, owners, self._embed_windows(windows))
        return sums  # a multiple of the mean; `embed` scales it to unit length

    def _window_batches(self, items: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Batches of mel windows (<= BATCH_WINDOWS, 160, 40), and the index of the utterance of each window."""
        windows: list[np.ndarray] = []
        owners: list[int] = []
        for index, samples in enumerate(items):
            for window in mel_windows(prepare(samples)):
                windows.append(window)
                owners.append(index)
                if len(windows) == BATCH_WINDOWS:
                    yield np.stack(windows), np.array(owners)
                    windows, owners = [], []
        if windows:
            yield np.stack(windows), np.array(owners)

    def _embed_windows(self, windows: np.ndarray) -> np.ndarray:
        import torch

        with teacher_inference(self.device):
            _, (hidden, _) = self.lstm(torch.from_numpy(windows).to(self.device))
            vectors = torch.relu(self.linear(hidden[-1]))
            return torch.nn.functional.normalize(vectors, dim=1).cpu().numpy()


def prepare(samples: np.ndarray) -> np.ndarray:
    """Prepare speech as in the training of the model: at -30 dBFS or louder, without long silences.

    Args:
        samples: float32 (samples,) at 16 kHz.

    Returns:
        float32 (samples,), at least MIN_SECONDS long; empty for digital silence.
    """
    from resemblyzer import audio, hparams

    if not samples.any():
        return samples[:0]
    loud = audio.normalize_volume(samples, hparams.audio_norm_target_dBFS, increase_only=True)
    # int16 may overflow in the detector where a quiet file has a click; and one without any
    # voice is used as it is: a doubtful target is better than a cut that leaves nothing.
    speech = audio.trim_long_silences(np.clip(loud, -1, 1))
    speech = speech if len(speech) else loud
    repeats = -(-int(MIN_SECONDS * RATE) // len(speech))
    return np.tile(speech, repeats)[: max(len(speech), int(MIN_SECONDS * RATE))].astype(np.float32)


def mel_windows(samples: np.ndarray) -> list[np.ndarray]:
    """Overlapping windows (160, 40) of the mel spectrogram, none of no audio; the last may hold padding."""
    from resemblyzer import VoiceEncoder, audio

    if not len(samples):
        return []
    slices = VoiceEncoder.compute_partial_slices(len(samples), WINDOWS_PER_SECOND, MIN_COVERAGE)
    padding = max(0, slices[0][-1].stop - len(samples))
    mel = audio.wav_to_mel_spectrogram(np.pad(samples, (0, padding)))
    return [mel[window] for window in slices[1]]
