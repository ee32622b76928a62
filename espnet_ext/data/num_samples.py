"""Listed lengths of dumped utterances against their audio."""

from collections.abc import Mapping

from espnet_ext.data.audio_format import RATE
from espnet_ext.errors import UserError

# The lengths of a data directory are from headers, which may be off by a frame of the codec, or more in an MP3.
MAX_DIFFERENCE_S, MAX_DIFFERENCE = 0.5, 0.05


def check_dumped_length(utterance: str, place: str, num_samples: int, listed: int) -> None:
    """Refuse (UserError) dumped audio that is not as long as utt2num_samples lists it."""
    if num_samples != listed:
        raise UserError(
            f"{place}: {num_samples} samples of utterance {utterance}, but utt2num_samples lists {listed}; "
            "run stage 2 again"
        )


def check_header_lengths(file: object, listed: Mapping[str, int], num_samples: Mapping[str, int]) -> None:
    """Refuse (UserError) the utt2num_samples of a data directory if the decoded audio is clearly not so long.

    Args:
        file: for the message.
        listed, num_samples: utterance -> samples at 16 kHz, by the file and decoded; only those in both are compared.
    """
    for utterance, decoded in num_samples.items():
        difference = abs(decoded - listed.get(utterance, decoded))
        if difference > max(MAX_DIFFERENCE_S * RATE, MAX_DIFFERENCE * decoded):
            raise UserError(
                f"{file}: utterance {utterance} has {listed[utterance]} samples, but its audio {decoded} at {RATE} Hz; "
                "correct the number"
            )
