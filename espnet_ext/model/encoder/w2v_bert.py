"""The w2v-BERT 2.0 encoder (Communication et al., 2023, arXiv 2312.05187)."""

from torch import Tensor, nn
from transformers import Wav2Vec2BertConfig, Wav2Vec2BertModel

from espnet_ext.model.encoder.abs_encoder import DETERMINISTIC, AbsSpeechEncoder
from espnet_ext.model.encoder.attention import RelativeKeyAttention
from espnet_ext.model.encoder.padding import real_positions
from espnet_ext.model.encoder.seamless_log_mel import FRAME_SAMPLES, HOP_SAMPLES, SeamlessLogMel
from espnet_ext.utils.errors import UserError

POSITIONS = "relative_key"


class W2vBertSpeechEncoder(AbsSpeechEncoder):
    """All hidden states of w2v-BERT's Conformer: the projected features, and every layer.

    Args:
        config: content of the Hugging Face config.json of a Wav2Vec2Bert model; `preprocessor` in it, content of
            its preprocessor_config.json, may set `num_mel_bins` and `stride`.
        frame_average: see `AbsSpeechEncoder`.

    Raises:
        UserError: positions other than those of w2v-BERT 2.0, or features of another size than the model's.
    """

    checkpoint_prefixes = ("wav2vec2_bert.",)
    lora_targets = ("linear_q", "linear_v")

    def __init__(self, config: dict, frame_average: int = 1) -> None:
        super().__init__(frame_average)
        bert_config = Wav2Vec2BertConfig(**config | DETERMINISTIC)
        preprocessor = config.get("preprocessor", {})
        num_mels, stack = preprocessor.get("num_mel_bins", 80), preprocessor.get("stride", 2)
        if bert_config.position_embeddings_type != POSITIONS:
            raise UserError(f"encoder config: position_embeddings_type must be {POSITIONS}")
        if num_mels * stack != bert_config.feature_projection_input_dim:
            raise UserError(
                f"encoder config: {num_mels} mel bands x {stack} stacked frames do not match "
                f"feature_projection_input_dim {bert_config.feature_projection_input_dim}"
            )
        self.log_mel = SeamlessLogMel(num_mels, stack)
        self.encoder = Wav2Vec2BertModel(bert_config)
        for layer in self.encoder.encoder.layers:
            # The same parameters, another forward.
            layer.self_attn.__class__ = RelativeKeyAttention
        self.hop_samples = HOP_SAMPLES * stack
        # At least two frames, which the variance over time requires.
        self.min_samples = FRAME_SAMPLES + HOP_SAMPLES * (max(stack, 2) - 1)
        self.num_layers = bert_config.num_hidden_layers + 1
        self.dim = bert_config.hidden_size

    def front_end(self, speech: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        """See `AbsSpeechEncoder.front_end`."""
        features, num_frames = self.log_mel(speech, num_samples)
        frame_mask = real_positions(num_frames, features.shape[1])
        hidden, _ = self.encoder.feature_projection(features)
        return self.encoder.encoder.dropout(hidden.masked_fill(~frame_mask[..., None], 0.0)), frame_mask

    def run_blocks(self, hidden: Tensor, frame_mask: Tensor, first_block: int) -> list[Tensor]:
        """See `AbsSpeechEncoder.run_blocks`."""
        outputs = []
        for layer in self.encoder.encoder.layers[first_block - 1 :]:
            hidden = layer(hidden, attention_mask=frame_mask, conv_attention_mask=frame_mask)
            outputs.append(hidden)
        return outputs

    def blocks(self) -> list[nn.Module]:
        """The feature projection with the dropout behind it, then the Conformer layers."""
        conformer = self.encoder.encoder
        return [nn.ModuleList([self.encoder.feature_projection, conformer.dropout]), *conformer.layers]
