"""The espeak-ng synthesizer (GPL-3+), as a library in the package espeakng-loader."""

import ctypes

import espeakng_loader
import numpy as np

from espnet_ext.utils.errors import UserError

# Values of espeak-ng/speak_lib.h.
_OUTPUT_SYNCHRONOUS = 2
_CHARS_UTF8 = 1
_POSITION_CHARACTER = 1
_BUFFER_MS = 1000
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Espeak:
    """A synthesizer. The library has one global state, so create only one in a process.

    Speech depends on what the process spoke before (filters keep their state), so only a new process that speaks the
    same texts in the same order gives the same bytes. Breathy variants (Alicia, f2, f3, f5, whisper ...) never do.
    """

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        folder = espeakng_loader.get_data_path().encode()
        self.rate = self._library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, _BUFFER_MS, folder, 0)
        if self.rate <= 0:
            raise UserError(f"espeak-ng does not start with the data in {folder.decode()}; reinstall espeakng-loader")
        self._parts: list[np.ndarray] = []
        self._voice = ""
        # The library keeps only the pointer; without this reference, Python would free the function.
        self._callback = _CALLBACK(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, samples, num_samples: int, _events) -> int:
        if samples and num_samples > 0:
            self._parts.append(np.ctypeslib.as_array(samples, (num_samples,)).copy())
        return 0

    def speak(self, text: str, voice: str) -> np.ndarray:
        """Speak a text.

        Args:
            voice: language and variant, for instance `en-us+f3`.

        Returns:
            float32 (samples,) in [-1, 1] at `rate`; empty if there is nothing to speak.

        Raises:
            UserError: the voice does not exist, or the library fails.
        """
        self._parts.clear()
        if voice != self._voice and self._library.espeak_SetVoiceByName(voice.encode()):
            raise UserError(f"espeak-ng has no voice {voice!r}")
        self._voice = voice
        data = text.encode() + b"\0"
        failed = self._library.espeak_Synth(data, len(data), 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None)
        if failed or self._library.espeak_Synchronize():
            raise UserError(f"espeak-ng cannot speak {text!r} with the voice {voice!r}")
        parts = self._parts or [np.empty(0, np.int16)]
        return np.concatenate(parts).astype(np.float32) / 32768.0
