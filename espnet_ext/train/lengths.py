"""Utterances that an encoder cannot take at once."""

from collections.abc import Sequence

import numpy as np

from espnet_ext.errors import UserError
from espnet_ext.utt.encoder import AbsSpeechEncoder


def refuse_unfit(num_samples: np.ndarray, utterances: Sequence[str | bytes], encoder: AbsSpeechEncoder) -> None:
    """UserError that names the first utterance that is too short or too long for an encoder.

    Args:
        num_samples: (utterances,) of each.
        utterances: their ids.
        encoder: too short an utterance has no frame, and its loss is NaN.
    """
    unfit = np.flatnonzero((num_samples < encoder.min_samples) | (num_samples > encoder.max_samples))
    if len(unfit):
        name = utterances[unfit[0]]
        raise UserError(
            f"utterance {name if isinstance(name, str) else name.decode()} has {num_samples[unfit[0]]} samples; the "
            f"encoder takes {encoder.min_samples} to {encoder.max_samples} at once ({len(unfit)} of {len(utterances)} "
            "utterances do not fit): set --min_duration_s or --max_duration_s of stage 2"
        )
