"""Audio in any format to waveforms. This file has constants only, for modules that do not decode audio."""

RATE = 16000  # Hz, of dump directories
# Archives of WAV are Kaldi's own format; archives of FLAC are read by kaldiio and ESPnet.
ARK_FORMATS = ("wav", "flac")
# Shortest utterance: every supported encoder outputs at least one frame for 35 ms.
MIN_SAMPLES = 560
