"""Predictions of a model's classifiers from embeddings on disk."""

from collections.abc import Iterator
from itertools import batched
from pathlib import Path

import kaldiio
import numpy as np
import torch

from espnet_ext.kaldi.scp import iter_scp
from espnet_ext.kaldi.vectors import write_vectors
from espnet_ext.model.attribute_loss import AttributeLoss
from espnet_ext.model.encoder_weights import WEIGHTS
from espnet_ext.model.saved_model import read_attributes, read_model_weights
from espnet_ext.model.weights import fill_strictly
from espnet_ext.utils.atomic import write_json_atomic

BATCH_SIZE = 4096


def read_classifiers(folder: Path) -> dict[str, AttributeLoss]:
    """Attribute -> loss with a classifier, of a trained model's attributes with labels; the encoder is not loaded.

    Raises:
        UserError: a file of the model is missing or damaged, or contains the weights of another model.
    """
    labeled = {name: config for name, config in read_attributes(folder).items() if config.labels}
    if not labeled:
        return {}
    weights = read_model_weights(folder)
    classifiers = {}
    for name, config in labeled.items():
        loss, prefix = AttributeLoss(config), f"objectives.{name}."
        own = {key.removeprefix(prefix): tensor for key, tensor in weights.items() if key.startswith(prefix)}
        fill_strictly(loss, own, folder / WEIGHTS)
        if loss.classifier is not None:
            classifiers[name] = loss.eval()
    return classifiers


def write_predictions(folder: Path, attribute: str, loss: AttributeLoss) -> None:
    """Write `<attribute>.logits.scp`, its archive, and `<attribute>.classes.json` next to `<attribute>.scp`.

    The archive contains float32 (classes,) logits of each utterance, or for a regression the (1,) predicted number.

    Args:
        folder: folder of a set's embeddings.
        attribute: name of the attribute.
        loss: see `read_classifiers`.
    """
    assert loss.labels is not None  # see read_classifiers
    write_json_atomic(folder / f"{attribute}.classes.json", loss.labels.to_json())
    write_vectors(folder / f"{attribute}.logits.ark", _predictions(folder / f"{attribute}.scp", loss))


def _predictions(scp: Path, loss: AttributeLoss) -> Iterator[tuple[str, np.ndarray]]:
    classifier = loss.classifier
    assert classifier is not None  # see read_classifiers
    for batch in batched(iter_scp(scp), BATCH_SIZE):
        embeddings = torch.from_numpy(np.stack([kaldiio.load_mat(entry) for _, entry in batch]))
        with torch.inference_mode():
            predicted = classifier.predict(embeddings).numpy()
        yield from zip([utterance for utterance, _ in batch], predicted, strict=True)
