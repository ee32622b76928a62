"""Utterances that an encoder cannot take at once."""

import numpy as np

from espnet_ext.train.utterance_table import UtteranceTable
from espnet_ext.utils.errors import UserError
from espnet_ext.utt.encoder import AbsSpeechEncoder


def refuse_unfit(table: UtteranceTable, encoder: AbsSpeechEncoder) -> None:
    """UserError that names the first utterance that is too short or too long for an encoder.

    Args:
        table: the utterances.
        encoder: too short an utterance has no frame, and its loss is NaN.
    """
    num_samples = table.num_samples
    unfit = np.flatnonzero((num_samples < encoder.min_samples) | (num_samples > encoder.max_samples))
    if len(unfit):
        (name,) = table.names(unfit[:1])
        raise UserError(
            f"utterance {name} has {num_samples[unfit[0]]} samples; the encoder takes {encoder.min_samples} to "
            f"{encoder.max_samples} at once ({len(unfit)} of {len(num_samples)} "
            "utterances do not fit): set --min_duration_s or --max_duration_s of stage 2"
        )
