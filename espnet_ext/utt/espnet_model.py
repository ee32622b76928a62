"""The ESPnet model: shared encoder, one head for each attribute, weighted sum of the attributes' losses."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.train.abs_espnet_model import AbsESPnetModel
from torch import Tensor, nn

from espnet_ext.config.attributes import AttributeConfig
from espnet_ext.utils.errors import UserError
from espnet_ext.utt.attribute_loss import AttributeLoss
from espnet_ext.utt.encoder import AbsSpeechEncoder
from espnet_ext.utt.encoder.masking import real_positions
from espnet_ext.utt.gradient_statistics import gradient_statistics
from espnet_ext.utt.head.attribute_head import AttributeHead
from espnet_ext.utt.head.whitening import LayerWhitening
from espnet_ext.utt.ranks import num_ranks
from espnet_ext.utt.task_weighting import build_task_weighting
from espnet_ext.utt.whole_batch import whole_batch

AUTOCAST_DTYPES = {"float32": None, "bfloat16": torch.bfloat16}


class ESPnetUttModel(AbsESPnetModel):
    """Utterance-level embeddings of several attributes from one pass through one encoder.

    Args:
        encoder: the shared speech encoder.
        attributes: the declared attributes, by name.
        autocast: dtype of the matrix products, `float32` or `bfloat16`; parameters stay float32.
        nominal_batch: utterances of a typical batch. What is minimised is the sum over the batch (of all processes),
            as in the paper, divided by this: an utterance weighs the same in a batch of few long ones as in one of
            many short ones, and on one GPU as on eight.
        gradient_interval: measure the attributes' gradients on the encoder every so many training steps; 0 = never.
        task_weighting: weighting of the attributes' losses, a name of `TASK_WEIGHTINGS`.
        whiten_layers: train the heads on whitened frames, see `LayerWhitening`.

    Raises:
        UserError: an unknown `autocast` or `task_weighting`, or heads without `normalize_layers` that are to read
            whitened frames.
    """

    def __init__(
        self,
        encoder: AbsSpeechEncoder,
        attributes: Mapping[str, AttributeConfig],
        autocast: str = "float32",
        nominal_batch: int = 1,
        gradient_interval: int = 0,
        task_weighting: str = "fixed",
        whiten_layers: bool = False,
    ) -> None:
        super().__init__()
        if autocast not in AUTOCAST_DTYPES:
            raise UserError(f"model_conf: autocast {autocast!r} is unknown; legal: {', '.join(AUTOCAST_DTYPES)}")
        self.encoder = encoder
        self.heads = nn.ModuleDict(
            {name: AttributeHead(config.head, encoder.num_layers, encoder.dim) for name, config in attributes.items()}
        )
        self.whitening = LayerWhitening(encoder.num_layers, encoder.dim) if whiten_layers else None
        plain = [name for name, config in attributes.items() if not config.head.normalize_layers]
        if whiten_layers and plain:
            raise UserError(f"model_conf: whiten_layers needs normalize_layers: true in the head of {plain[0]}")
        self.objectives = nn.ModuleDict({name: AttributeLoss(config) for name, config in attributes.items()})
        self.attribute_weights = {name: config.weight for name, config in attributes.items()}
        self.autocast_dtype = AUTOCAST_DTYPES[autocast]
        self.nominal_batch = nominal_batch
        self.gradient_interval = gradient_interval
        self.training_steps = 0
        self.task_weighting = build_task_weighting(task_weighting, list(attributes))

    def forward(
        self,
        speech: Tensor | None = None,
        speech_lengths: Tensor | None = None,
        layers: Tensor | None = None,
        layers_lengths: Tensor | None = None,
        hidden: Tensor | None = None,
        hidden_lengths: Tensor | None = None,
        sentences: Tensor | None = None,
        utt_id: list[str] | None = None,
        **targets: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Compute the loss of a batch, from waveforms or from cached outputs of the frozen blocks.

        Args:
            speech: (batch, samples) float in [-1, 1].
            speech_lengths: (batch,) real samples.
            layers: (batch, frames, num_layers, dim), instead of `speech`; only those of frozen blocks are read.
            layers_lengths: (batch,) real frames.
            hidden: (batch, full-rate frames, dim), output of the last frozen block, where some blocks are trained.
            hidden_lengths: (batch,) real frames of `hidden`.
            sentences: (batch, 1) numbers of the sentences that are said, -1 where unknown.
            utt_id: not used; ESPnet's trainer passes it.
            targets: `<attribute>` (batch, target_dim) each; a row of NaN is a missing target.

        Returns:
            Sum of the losses over `nominal_batch` (scalar); statistics by name, an attribute's as means over its
            `targets_<attribute>` utterances with a target (NaN = not measured in this batch); batch size. Of processes
            that share a batch, the last two are the whole batch's, and the loss is times their number, for gradients
            are averaged.
        """
        with self.autocast():
            if layers is None:
                frames, frame_mask = self.encoder(speech, speech_lengths)
            elif hidden is None:
                frames, frame_mask = layers.unbind(dim=2), real_positions(layers_lengths, layers.shape[1])
            else:
                hidden_mask = real_positions(hidden_lengths, hidden.shape[1])
                num_frozen = self.encoder.num_frozen_blocks
                trained, frame_mask = self.encoder.forward_from(hidden, hidden_mask, num_frozen)
                frames = [*layers[:, :, :num_frozen].unbind(dim=2), *trained]
            embeddings = self._run_heads(frames, frame_mask)
        present = {name: objective.present(targets[name]) for name, objective in self.objectives.items()}
        losses, measures = {}, {}
        for name, objective in self.objectives.items():
            losses[name] = objective(embeddings[name], targets[name], present[name], sentences)
            measures[name] = objective.measure(embeddings[name], targets[name], present[name])
        counts = {name: rows.sum() for name, rows in present.items()}
        statistics, batch_size = self._statistics(losses, measures, counts, len(frame_mask))
        scaled = {name: self.task_weighting.scale_loss(name, loss) for name, loss in losses.items()}
        tasks = [self.attribute_weights[n] * scaled[n] * counts[n] / self.nominal_batch for n in scaled]
        loss = torch.stack(tasks).sum() * num_ranks()
        return force_gatherable((loss, statistics, batch_size), loss.device)

    def embed(self, speech: Tensor, num_samples: Tensor) -> dict[str, Tensor]:
        """All attributes' embeddings of a batch of waveforms, in one pass.

        Args:
            speech: (batch, samples) float in [-1, 1].
            num_samples: (batch,) real samples.

        Returns:
            attribute -> (batch, dim) float32 of unit length.
        """
        with self.autocast():
            return self._run_heads(*self.encoder(speech, num_samples))

    def _run_heads(self, layers: Sequence[Tensor], frame_mask: Tensor) -> dict[str, Tensor]:
        """Embeddings of all attributes; see `AttributeHead.forward`."""
        if self.whitening is not None:
            layers = self.whitening(layers)
        whitened = self.whitening is not None
        return {name: head(layers, frame_mask, whitened) for name, head in self.heads.items()}

    def fold_whitening(self) -> None:
        """Let the heads read the encoder's own frames; the embeddings stay the same to rounding."""
        if self.whitening is not None:
            self.whitening.fold(self.heads.values())
            self.whitening = None

    def predict(self, embeddings: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Predict labels with the classifiers of the labeled attributes.

        Args:
            embeddings: attribute -> (batch, dim) of unit length.

        Returns:
            attribute -> (batch, classes) logits in the order of its classes, or (batch, 1) numbers in their own unit;
            attributes of teachers, or without a classifier, are left out.
        """
        classifiers = {name: self.objectives[name].classifier for name in embeddings}
        return {name: term.predict(embeddings[name]) for name, term in classifiers.items() if term is not None}

    @contextmanager
    def autocast(self) -> Iterator[None]:
        """Matrix products in the configured dtype."""
        device = next(self.parameters()).device.type
        with torch.autocast(device, dtype=self.autocast_dtype, enabled=self.autocast_dtype is not None):
            yield

    def metrics(self) -> dict[str, str]:
        """Attribute -> statistic of its objective's metric, such as `cos_sem`, for objectives that have a metric."""
        return {name: f"{term.metric}_{name}" for name, loss in self.objectives.items() if (term := loss.measured)}

    def layer_weights(self) -> dict[str, list[float]]:
        """Learned share of each encoder layer, by attribute."""
        return {name: head.layer_weights().tolist() for name, head in self.heads.items()}

    def kept(self) -> nn.ModuleDict:
        """What a saved model holds, under the names that it has here: not how its losses were weighed."""
        return nn.ModuleDict({name: getattr(self, name) for name in ("encoder", "heads", "objectives")})

    def train(self, mode: bool = True) -> "ESPnetUttModel":
        """Switch modes; an epoch counts its steps from zero, so that a resumed run measures the same ones."""
        self.training_steps = 0
        return super().train(mode)

    def collect_feats(self, **batch: Tensor) -> dict[str, Tensor]:
        """Nothing to collect: no statistics of features are needed before training."""
        return {}

    def _statistics(
        self, losses: dict[str, Tensor], measures: dict[str, Tensor], counts: dict[str, Tensor], batch_size: int
    ) -> tuple[dict[str, Tensor], Tensor | int]:
        """Statistics of the whole batch from those of this process's share of it, and the whole batch's size.

        Args:
            losses: attribute -> mean over the rows that have its target, with a graph.
            measures: attribute -> mean of what its objective measures.
            counts: attribute -> how many rows have its target.
            batch_size: utterances of the share.
        """
        whole = whole_batch(losses, measures, counts, batch_size)
        statistics = {statistic: whole.measures[name] for name, statistic in self.metrics().items()}
        statistics |= whole.statistics()
        statistics |= self._gradient_statistics({name: losses[name] * whole.shares[name] for name in losses})
        # Per utterance, whatever the batch and however the attributes are weighed: it chooses the best epoch.
        statistics["loss"] = whole.loss(self.attribute_weights)
        return statistics | self.task_weighting.statistics(), whole.size

    def _gradient_statistics(self, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        """Gradient norms and cosines on the encoder at every `gradient_interval`-th training step."""
        shared = [parameter for parameter in self.encoder.parameters() if parameter.requires_grad]
        if not (self.training and self.gradient_interval and shared):
            return {}
        self.training_steps += 1
        measured = self.training_steps % self.gradient_interval == 1 or self.gradient_interval == 1
        return gradient_statistics(losses, shared, measured)
