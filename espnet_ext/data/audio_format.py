"""Sampling rate, least length and file formats of the audio in dump directories, without the libraries that read it."""

RATE = 16000  # Hz
# Archives of WAV are Kaldi's own, archives of FLAC are read by kaldiio and ESPnet.
ARK_FORMATS = ("wav", "flac")
# Of an utterance: in 35 ms, each of our encoders has a frame.
MIN_SAMPLES = 560
