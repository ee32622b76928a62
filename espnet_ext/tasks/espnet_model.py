"""The ESPnet model: losses, statistics and training-time whitening around `UttModel`."""

from collections.abc import Mapping, Sequence

import torch
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.train.abs_espnet_model import AbsESPnetModel
from torch import Tensor

from espnet_ext.config.attributes import AttributeConfig
from espnet_ext.model.distributed import num_ranks
from espnet_ext.model.encoder import AbsSpeechEncoder
from espnet_ext.model.encoder.padding import real_positions
from espnet_ext.model.head.whitening import LayerWhitening
from espnet_ext.model.statistics import gradient_statistics, reduce_statistics
from espnet_ext.model.task_weighting import build_task_weighting
from espnet_ext.model.utt_model import UttModel
from espnet_ext.utils.errors import UserError


class ESPnetUttModel(UttModel, AbsESPnetModel):
    """`UttModel` with the weighted sum of the attributes' losses.

    Args:
        encoder, attributes, autocast: see `UttModel`.
        nominal_batch: utterances of a typical batch. The loss is the sum over the batch (of all processes), as in the
            paper, divided by this number: the weight of an utterance depends neither on the number of utterances in
            its batch nor on the number of GPUs.
        gradient_interval: training steps between two measurements of the attributes' gradients on the encoder;
            0 = never.
        task_weighting: weighting of the attributes' losses, a name of `TASK_WEIGHTINGS`.
        whiten_layers: train the heads on whitened frames, see `LayerWhitening`.

    Raises:
        UserError: an unknown `autocast` or `task_weighting`, or `whiten_layers` with a head without `normalize_layers`.
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
        super().__init__(encoder, attributes, autocast)
        self.whitening = LayerWhitening(encoder.num_layers, encoder.dim) if whiten_layers else None
        plain = [name for name, config in attributes.items() if not config.head.normalize_layers]
        if whiten_layers and plain:
            raise UserError(f"model_conf: whiten_layers needs normalize_layers: true in the head of {plain[0]}")
        self.attribute_weights = {name: config.weight for name, config in attributes.items()}
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
            layers: (batch, frames, num_layers, dim), instead of `speech`; only layers of frozen blocks are read.
            layers_lengths: (batch,) real frames.
            hidden: (batch, full-rate frames, dim), output of the last frozen block, where some blocks are trained.
            hidden_lengths: (batch,) real frames of `hidden`.
            sentences: (batch, 1) sentence numbers, -1 where unknown.
            utt_id: not used; ESPnet's trainer passes it.
            targets: `<attribute>` (batch, target_dim) each; a row of NaN is a missing target.

        Returns:
            Sum of the losses over `nominal_batch` (scalar); statistics by name, an attribute's as means over its
            `targets_<attribute>` utterances with a target (NaN = not measured in this batch); batch size. With several
            processes, the last two are those of the whole batch, and the loss is multiplied by the number of processes,
            because gradients are averaged.
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
            embeddings = self.run_heads(frames, frame_mask)
        losses, measures, counts = {}, {}, {}
        for name, objective in self.objectives.items():
            losses[name], measures[name], counts[name] = objective(embeddings[name], targets[name], sentences)
        statistics, batch_size = self._statistics(losses, measures, counts, len(frame_mask))
        scaled = {name: self.task_weighting.scale_loss(name, loss) for name, loss in losses.items()}
        tasks = [self.attribute_weights[n] * scaled[n] * counts[n] / self.nominal_batch for n in scaled]
        loss = torch.stack(tasks).sum() * num_ranks()
        return force_gatherable((loss, statistics, batch_size), loss.device)

    def run_heads(self, layers: Sequence[Tensor], frame_mask: Tensor) -> dict[str, Tensor]:
        """See `UttModel.run_heads`; the heads read whitened frames until `fold_whitening`."""
        if self.whitening is None:
            return super().run_heads(layers, frame_mask)
        layers = self.whitening(layers)
        return {name: head(layers, frame_mask, normalized=True) for name, head in self.heads.items()}

    def fold_whitening(self) -> None:
        """Convert the heads to read the encoder's own frames; the embeddings stay the same to rounding."""
        if self.whitening is not None:
            self.whitening.fold(self.heads.values())
            self.whitening = None

    def metrics(self) -> dict[str, str]:
        """Attribute -> statistic of its objective's metric, such as `cos_sem`, for objectives that have a metric."""
        return {name: f"{term.metric}_{name}" for name, loss in self.objectives.items() if (term := loss.measured)}

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
        """Statistics of the whole batch from those of this rank's part of it, and the size of the whole batch.

        Args:
            losses: attribute -> mean over the rows that have its target, with a graph.
            measures: attribute -> mean of its objective's metric.
            counts: attribute -> number of rows that have its target.
            batch_size: utterances of this rank.
        """
        reduced = reduce_statistics(losses, measures, counts, batch_size)
        statistics = {statistic: reduced.measures[name] for name, statistic in self.metrics().items()}
        statistics |= reduced.statistics()
        statistics |= self._gradient_statistics({name: losses[name] * reduced.shares[name] for name in losses})
        # Per utterance, whatever the batch and the weighting of the attributes: it selects the best epoch.
        statistics["loss"] = reduced.loss(self.attribute_weights)
        return statistics | self.task_weighting.statistics(), reduced.size

    def _gradient_statistics(self, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        """Gradient norms and cosines on the encoder at every `gradient_interval`-th training step."""
        shared = [parameter for parameter in self.encoder.parameters() if parameter.requires_grad]
        if not (self.training and self.gradient_interval and shared):
            return {}
        self.training_steps += 1
        measured = self.training_steps % self.gradient_interval == 1 or self.gradient_interval == 1
        return gradient_statistics(losses, shared, measured)
