"""Probability of each corpus and each language in training batches."""

from collections.abc import Mapping, Sequence

import numpy as np

from espnet_ext.config.validation import check_name
from espnet_ext.utils.errors import UserError


def tempered_weights(counts: np.ndarray, alpha: float, factors: np.ndarray | float = 1.0) -> np.ndarray:
    """Sampling probability of each language: p^alpha renormalized, where p is its part of all utterances.

    An utterance of language l is drawn r_l = p_l^alpha / (p_l * sum_k p_k^alpha) times as often as in a uniform draw
    of utterances; r_l is defined in the SAMU-XLSR paper (eq. 3).

    Args:
        counts: (languages,) utterances of each language.
        alpha: 1 = as in the data, 0 = all languages equally often.
        factors: (languages,) further factor of each language.
    """
    weights = (counts / counts.sum()) ** alpha * factors
    return weights / weights.sum()


def sampling_weights(
    counts: np.ndarray,
    alpha: float,
    corpora: Sequence[str],
    languages: Sequence[str],
    corpus_weights: Mapping[str, float],
    language_weights: Mapping[str, float],
) -> np.ndarray:
    """Sampling probability of each language of each corpus: that of the corpus times that of the language in it.

    Args:
        counts: (corpora, languages) utterances; a corpus without utterances is not drawn.
        alpha: exponent of `tempered_weights` within a corpus.
        corpora: their names.
        languages: their names.
        corpus_weights: corpus -> weight, of all corpora; empty = the number of utterances.
        language_weights: language -> factor on its tempered weight in every corpus; 1 where not given.

    Returns:
        (corpora, languages), sum 1.

    Raises:
        UserError: a name that is not in the data (with the legal ones), a corpus without a weight, or
            weights that leave nothing to draw.
    """
    for key, given, legal in (
        ("corpus_weights", corpus_weights, corpora),
        ("language_weights", language_weights, languages),
    ):
        for name in given:
            check_name(name, legal, f"sampler_conf: {key}")
    if corpus_weights and (missing := sorted(set(corpora) - set(corpus_weights))):
        raise UserError(f"sampler_conf: corpus_weights: no weight for {missing[0]}; give one to {', '.join(corpora)}")
    sizes = counts.sum(axis=1)
    of_corpora = np.array([corpus_weights[name] for name in corpora]) * (sizes > 0) if corpus_weights else sizes
    if not of_corpora.any():
        raise UserError("sampler_conf: corpus_weights: the weights of all corpora with targets are 0")
    factors = np.array([language_weights.get(name, 1.0) for name in languages])
    weights = np.zeros(counts.shape)
    for index in np.flatnonzero(of_corpora):
        present = counts[index] > 0
        if not factors[present].any():
            raise UserError(f"sampler_conf: language_weights: nothing of {corpora[int(index)]} is left to draw")
        weights[index, present] = tempered_weights(counts[index, present], alpha, factors[present])
    return weights * (of_corpora / of_corpora.sum())[:, None]
