"""AAM-softmax: classification by angles, with a margin."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from espnet_ext.config.labels import LabelSpace
from espnet_ext.model.objective.softmax import ClassObjective
from espnet_ext.utils.errors import UserError

# Smallest sin² of an angle: below it the square root has no usable gradient in float32.
MIN_SINE_SQUARED = 1e-7


class AamSoftmaxObjective(ClassObjective):
    """Additive angular margin softmax (Deng et al., 2019, arXiv 1801.07698), with sub-centres (Deng et al., ECCV 2020).

    A class has `sub_centres` unit vectors; its cosine is that of the nearest. The margin is added to the angle to
    one's own class. Beyond pi - margin, where the cosine would rise again, margin * sin(margin) is subtracted
    instead, as in SpeechBrain and ESPnet-SPK.

    Args:
        dim, labels, class_weights: see `ClassObjective`.
        margin: in radians.
        scale: of the cosines.
        sub_centres: vectors of a class.
        margin_schedule: [first, last] training batch between which the margin grows linearly from 0; empty = no growth.
            In evaluation the margin is always whole, so that losses of epochs compare.
    """

    def __init__(
        self,
        dim: int,
        labels: LabelSpace,
        class_weights: str = "none",
        margin: float = 0.2,
        scale: float = 30.0,
        sub_centres: int = 1,
        margin_schedule: Sequence[int] = (),
    ) -> None:
        super().__init__(dim, labels, class_weights)
        if not 0 <= margin < math.pi / 2 or not scale > 0 or sub_centres < 1:
            raise UserError(
                "needs 0 <= margin < pi/2, scale > 0 and sub_centres >= 1, found "
                f"margin {margin}, scale {scale}, sub_centres {sub_centres}"
            )
        if margin_schedule and not (len(margin_schedule) == 2 and 0 <= margin_schedule[0] < margin_schedule[1]):
            raise UserError(f"margin_schedule must be [first, last] batch, found {margin_schedule}")
        self.weight = nn.Parameter(torch.empty(len(labels.classes), sub_centres, dim))
        nn.init.xavier_uniform_(self.weight.data.view(-1, dim))
        self.margin, self.scale, self.margin_schedule = margin, scale, margin_schedule
        if margin_schedule:
            self.register_buffer("num_batches", torch.zeros((), dtype=torch.long))

    def forward(self, embeddings: Tensor, targets: Tensor, mask: Tensor, sentences: Tensor | None = None) -> Tensor:
        """See `AbsObjective.forward`."""
        margin = self._margin()
        cosines = self._cosines(embeddings)
        sines = (1 - cosines.square()).clamp(min=MIN_SINE_SQUARED).sqrt()
        shifted = cosines * margin.cos() - sines * margin.sin()
        shifted = torch.where(cosines > -margin.cos(), shifted, cosines - margin * margin.sin())
        own = torch.arange(cosines.shape[1], device=cosines.device) == targets
        return self.cross_entropy(self.scale * torch.where(own, shifted, cosines), targets, mask)

    def predict(self, embeddings: Tensor) -> Tensor:
        """See `AbsObjective.predict`."""
        return self.scale * self._cosines(embeddings)

    def _cosines(self, embeddings: Tensor) -> Tensor:
        """(batch, classes) to the nearest of a class's sub-centres."""
        centres = nn.functional.normalize(self.weight, dim=2)
        return torch.einsum("bd,ckd->bck", embeddings, centres).amax(dim=2)

    def _margin(self) -> Tensor:
        """The margin of this batch; a training batch is counted."""
        share = self.weight.new_ones(())
        if self.margin_schedule and self.training:
            first, last = self.margin_schedule
            share = ((self.num_batches - first) / (last - first)).clamp(0, 1)
            self.num_batches += 1
        return self.margin * share
