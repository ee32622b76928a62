"""Convert Whisper's encoder weights from CTranslate2's names and layout to the names and layout of transformers."""

import numpy as np

from espnet_ext.utils.errors import UserError

_LAYER_PARTS = {
    "self_attn_layer_norm": "self_attention/layer_norm",
    "final_layer_norm": "ffn/layer_norm",
    "self_attn.out_proj": "self_attention/linear_1",
    "fc1": "ffn/linear_0",
    "fc2": "ffn/linear_1",
}
# Settings in the file that are not weights.
_SETTINGS = {"encoder/num_heads"}


def sinusoids(length: int, dim: int) -> np.ndarray:
    """Whisper's fixed positions: sines, then cosines, of geometrically spaced periods.

    Returns:
        (length, dim) float64 (`sinusoids` of openai/whisper, model.py).
    """
    rates = np.exp(-np.log(10000) / (dim // 2 - 1) * np.arange(dim // 2))
    angles = np.arange(length)[:, None] * rates[None, :]
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


class _Taker:
    """Return float32 copies of the file's variables, and record which ones were used."""

    def __init__(self, variables: dict[str, np.ndarray]) -> None:
        self.variables = variables
        self.used: set[str] = set()

    def __call__(self, name: str) -> np.ndarray:
        if name not in self.variables:
            raise UserError(f"the weights {name!r} of the Whisper model are missing")
        self.used.add(name)
        # float16 in the file; a float32 copy is exact and trains without loss scaling.
        return np.array(self.variables[name], dtype=np.float32)

    def module(self, target: str, source: str) -> dict[str, np.ndarray]:
        weight, bias = ("gamma", "beta") if target.endswith("layer_norm") else ("weight", "bias")
        return {f"{target}.weight": self(f"{source}/{weight}"), f"{target}.bias": self(f"{source}/{bias}")}


def split_fused(weight: np.ndarray, bias: np.ndarray, names: str) -> dict[str, np.ndarray]:
    """Split a projection that CTranslate2 fused, for instance `qkv`, into the projections of transformers.

    Args:
        weight, bias: (len(names) * dim, dim) and (len(names) * dim,).

    Raises:
        UserError: a key projection has a bias, which Whisper does not have.
    """
    parts: dict[str, np.ndarray] = {}
    for name, rows, offset in zip(names, np.split(weight, len(names)), np.split(bias, len(names)), strict=True):
        parts[f"{name}_proj.weight"] = np.ascontiguousarray(rows)
        if name != "k":
            parts[f"{name}_proj.bias"] = np.ascontiguousarray(offset)
        elif offset.any():
            raise UserError("the attention keys of the model have a bias: it is not a Whisper model")
    return parts


def convert_encoder(variables: dict[str, np.ndarray], num_layers: int) -> dict[str, np.ndarray]:
    """Name the encoder's weights as `transformers.WhisperEncoder.state_dict()` does.

    Args:
        variables: variables of a CTranslate2 WhisperSpec file.
        num_layers: layers of the encoder.

    Returns:
        Name -> float32 array.

    Raises:
        UserError: a weight is missing, an encoder weight is unknown, or the positions are not Whisper's sinusoids.
    """
    take = _Taker(variables)
    state = take.module("conv1", "encoder/conv1") | take.module("conv2", "encoder/conv2")
    state["embed_positions.weight"] = take("encoder/position_encodings/encodings")
    for layer in range(num_layers):
        target, source = f"layers.{layer}", f"encoder/layer_{layer}"
        for name, part in _LAYER_PARTS.items():
            state |= take.module(f"{target}.{name}", f"{source}/{part}")
        weight, bias = (take(f"{source}/self_attention/linear_0/{kind}") for kind in ("weight", "bias"))
        state |= {f"{target}.self_attn.{name}": w for name, w in split_fused(weight, bias, "qkv").items()}
    state |= take.module("layer_norm", "encoder/layer_norm")
    extra = {name for name in variables if name.startswith("encoder/")} - take.used - _SETTINGS
    if extra:
        raise UserError(f"the Whisper model has unexpected encoder weights: {', '.join(sorted(extra))}")
    positions = state["embed_positions.weight"]
    if np.abs(positions - sinusoids(*positions.shape)).max() > 1e-3:  # float16 keeps 11 bits
        raise UserError("the positions are not Whisper's sinusoids: a damaged file or another model")
    return state
