"""What SENSE-2ATTR, a SpeechBrain model, calls its weights, and what we call them.

Sourced from the authors' training code (MaryemBouziane/SENSE-2ATTR: hparams/train_2attr.yaml, layer_mixing.py,
train.py) and from SpeechBrain 1.1: its checkpointer writes `wav2vec2.ckpt`, a `W2VBert` that holds transformers'
model as `model`, and `model.ckpt`, a list of the five modules below in this order. A layer mix is made of `logits`
(layers), `W` (layers, out, in), `b` (layers, out) and a LayerNorm `ln`; it reads the hidden states `layer_start`
to `layer_end` - 1, as set in the hyper-parameters (there 1 and 25: all but the embedding output). The pooling is one
Linear `attn_pooling_w`, and the speaker branch has a Linear behind it.

Assumed, for the released folder itself could not be read: that it holds these files, or one file for each module
under the module's name. Anything else in them is an error that names it.
"""

ENCODER, HEADS, HYPERPARAMS, CONFIG = "wav2vec2.ckpt", "model.ckpt", "hyperparams.yaml", "config.json"
ENCODER_TYPE = "wav2vec2-bert"
# In the order of the list in `model.ckpt`.
MODULES = ("layer_mix_sem", "layer_mix_spk", "attn_pooling_sem", "attn_pooling_spk", "projection_spk")
ATTRIBUTES = ("sem", "spk")
PARTS = {
    "layer_mix": {
        "logits": "layer_mix.logits",
        "W": "layer_mix.weight",
        "b": "layer_mix.bias",
        "ln.weight": "layer_mix.norm.weight",
        "ln.bias": "layer_mix.norm.bias",
    },
    "attn_pooling": {
        "attn_pooling_w.weight": "pooling.scorer.weight",
        "attn_pooling_w.bias": "pooling.scorer.bias",
    },
    "projection": {"weight": "projection.weight", "bias": "projection.bias"},
}


def _head_names() -> dict[str, str]:
    names = {}
    for module in MODULES:
        kind, _, attribute = module.rpartition("_")
        names |= {f"{module}.{theirs}": f"heads.{attribute}.{ours}" for theirs, ours in PARTS[kind].items()}
    return names


# `layer_mix_sem.W` -> `heads.sem.layer_mix.weight`, and so on.
HEAD_NAMES = _head_names()
ENCODER_PREFIX, OUR_ENCODER_PREFIX = "model.", "encoder.encoder."


def named_module(name: str) -> str:
    """`0.W` of the list in `model.ckpt` as `layer_mix_sem.W`; any other name as it is."""
    index, _, rest = name.partition(".")
    return f"{MODULES[int(index)]}.{rest}" if index.isdecimal() and int(index) < len(MODULES) else name
