"""Sampling rate and file formats of the audio in dump directories, without the libraries that read it."""

RATE = 16000  # Hz
# Archives of WAV are Kaldi's own, archives of FLAC are read by kaldiio and ESPnet.
ARK_FORMATS = ("wav", "flac")
