"""How often each corpus and each language is drawn."""

from collections.abc import Mapping, Sequence

import numpy as np

from espnet_ext.config.validation import check_name
from espnet_ext.utils.errors import UserError


def language_shares(counts: np.ndarray, alpha: float, factors: np.ndarray | float = 1.0) -> np.ndarray:
    """Sampling share of each language, p^alpha renormalised, p its share of utterances (SAMU-XLSR, eq. 3).

    An utterance of language l is so drawn r_l = p_l^alpha / (p_l * sum_k p_k^alpha) times as often as in a
    uniform draw of utterances: the r_l of the paper.

    Args:
        counts: (languages,) utterances of each language.
        alpha: 1 = as the data are, 0 = all languages alike.
        factors: (languages,) further factor of each language.
    """
    shares = (counts / counts.sum()) ** alpha * factors
    return shares / shares.sum()


def group_shares(
    counts: np.ndarray,
    alpha: float,
    corpora: Sequence[str],
    languages: Sequence[str],
    corpus_weights: Mapping[str, float],
    language_weights: Mapping[str, float],
) -> np.ndarray:
    """Sampling share of each language of each corpus: the corpus by its share, then the language by temperature.

    Args:
        counts: (corpora, languages) utterances; a corpus without any is not drawn.
        alpha: exponent of the language shares within a corpus.
        corpora: their names.
        languages: their names.
        corpus_weights: corpus -> share, of all corpora or of none; none = as many as they have utterances.
        language_weights: language -> factor on its tempered share in every corpus; 1 where not given.

    Returns:
        (corpora, languages), sum 1.

    Raises:
        UserError: a name that is not in the data (with the legal ones), a corpus without a share, or
            weights that leave nothing to draw.
    """
    for key, weights, legal in (
        ("corpus_weights", corpus_weights, corpora),
        ("language_weights", language_weights, languages),
    ):
        for name in weights:
            check_name(name, legal, f"sampler_conf: {key}")
    if corpus_weights and (missing := sorted(set(corpora) - set(corpus_weights))):
        raise UserError(f"sampler_conf: corpus_weights: no share for {missing[0]}; give one to {', '.join(corpora)}")
    sizes = counts.sum(axis=1)
    of_corpora = np.array([corpus_weights[name] for name in corpora]) * (sizes > 0) if corpus_weights else sizes
    factors = np.array([language_weights.get(name, 1.0) for name in languages])
    shares = np.zeros(counts.shape)
    for index, corpus in enumerate(corpora):
        there = counts[index] > 0
        if of_corpora[index] and not factors[there].any():
            raise UserError(f"sampler_conf: language_weights: nothing of {corpus} is left to draw")
        if of_corpora[index]:
            shares[index, there] = language_shares(counts[index, there], alpha, factors[there])
    if not of_corpora.any():
        raise UserError("sampler_conf: corpus_weights: the shares of all corpora with targets are 0")
    return shares * (of_corpora / of_corpora.sum())[:, None]
