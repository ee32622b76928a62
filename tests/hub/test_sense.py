"""SENSE-2ATTR: our embeddings equal those of a small model of SpeechBrain's modules, saved by its checkpointer."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor, nn
from transformers import SeamlessM4TFeatureExtractor, Wav2Vec2BertConfig, Wav2Vec2BertModel

from espnet_ext.hub.sense import load_sense, sense_encoder_config
from espnet_ext.inference.utt_encoder import UttEncoder
from espnet_ext.model.saved_model import read_encoder_config
from espnet_ext.utils.errors import UserError
from helpers.tiny_encoders import CONFIGS, speech_batch

pytest.importorskip("speechbrain", reason="an optional dependency")
from speechbrain.integrations.huggingface.w2v_bert import W2VBert
from speechbrain.nnet.pooling import AttentionPooling
from speechbrain.utils.checkpoints import Checkpointer

DIM, SPEAKER_DIM, NUM_LAYERS = 32, 12, 4
# An even number of log-mel frames: with an odd number, the original pools half a frame of padding.
EVEN = [400 + 160 * (2 * n - 1) + 7 for n in (20, 31, 50)]


class Mix(nn.Module):
    """The layer mix of the authors' layer_mixing.py, by its parameters' names, as plain loops."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.first = first
        layers = NUM_LAYERS - first
        self.logits = nn.Parameter(torch.randn(layers))
        self.W = nn.Parameter(0.3 * torch.randn(layers, DIM, DIM))
        self.b = nn.Parameter(torch.randn(layers, DIM))
        self.ln = nn.LayerNorm(DIM)

    def forward(self, layers: Tensor) -> Tensor:
        projected = [h @ w.T + b for h, w, b in zip(layers[self.first :], self.W, self.b, strict=True)]
        return self.ln(sum(share * p for share, p in zip(self.logits.softmax(0), projected, strict=True)))


class Sense(nn.Module):
    """Forward pass of the authors' train.py on SpeechBrain's modules."""

    def __init__(self, encoder_folder: Path, first: int = 1) -> None:
        super().__init__()
        self.wav2vec2 = W2VBert(
            str(encoder_folder), str(encoder_folder.parent / "cache"), freeze=False, output_all_hiddens=True
        )
        poolings = [AttentionPooling(DIM), AttentionPooling(DIM)]
        self.model = nn.ModuleList([Mix(first), Mix(first), *poolings, nn.Linear(DIM, SPEAKER_DIM)])
        for parameter in self.model.parameters():
            nn.init.normal_(parameter, std=0.3)

    def forward(self, speech: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        layers = self.wav2vec2(speech, lengths)
        mix_sem, mix_spk, pool_sem, pool_spk, projection = self.model
        vectors = {"sem": pool_sem(mix_sem(layers)), "spk": projection(pool_spk(mix_spk(layers)))}
        return {name: nn.functional.normalize(vector, dim=1) for name, vector in vectors.items()}


@pytest.fixture(scope="module")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small w2v-BERT as transformers saves it."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("hub") / "w2v-bert"
    model = Wav2Vec2BertModel(Wav2Vec2BertConfig(**CONFIGS["w2v_bert"]))
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    SeamlessM4TFeatureExtractor().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def sense(encoder_folder: Path) -> Sense:
    return Sense(encoder_folder).eval()


@pytest.fixture(scope="module")
def checkpoint(sense: Sense, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that SpeechBrain's checkpointer writes."""
    recoverables = {"model": sense.model, "wav2vec2": sense.wav2vec2}
    saver = Checkpointer(tmp_path_factory.mktemp("save"), recoverables)
    return Path(saver.save_checkpoint(name="checkpoint_epoch1").path)


@pytest.fixture
def copied(checkpoint: Path, tmp_path: Path) -> Path:
    """A copy of the checkpoint, to be damaged."""
    return Path(shutil.copytree(checkpoint, tmp_path / "released"))


def ours(folder: Path, encoder_folder: Path) -> UttEncoder:
    model, _ = load_sense(folder, read_encoder_config(encoder_folder))
    return UttEncoder(model)


def theirs(sense: Sense, speech: Tensor) -> dict[str, Tensor]:
    with torch.no_grad():
        return sense(speech[None])


def test_a_single_utterance_has_the_embedding_of_the_original(
    sense: Sense, checkpoint: Path, encoder_folder: Path
) -> None:
    encoder = ours(checkpoint, encoder_folder)
    speech, _ = speech_batch(EVEN)
    embeddings = encoder.encode([row[:length].numpy() for row, length in zip(speech, EVEN, strict=True)])
    assert {name: vectors.shape for name, vectors in embeddings.items()} == {"sem": (3, DIM), "spk": (3, SPEAKER_DIM)}
    for index, length in enumerate(EVEN):
        for name, vector in theirs(sense, speech[index, :length]).items():
            torch.testing.assert_close(torch.from_numpy(embeddings[name][index]), vector[0], atol=1e-5, rtol=0)


def test_the_original_depends_on_padding_and_ours_does_not(
    sense: Sense, checkpoint: Path, encoder_folder: Path
) -> None:
    speech, num_samples = speech_batch(EVEN)
    with torch.no_grad():
        batched = sense(speech, num_samples / speech.shape[1])
    model = ours(checkpoint, encoder_folder).model
    with torch.no_grad():
        our_batched = model.embed(speech, num_samples)
    for name in ("sem", "spk"):
        alone = theirs(sense, speech[0, : EVEN[0]])[name][0]
        assert (batched[name][0] - alone).abs().max() > 1e-2
        torch.testing.assert_close(our_batched[name][0], alone, atol=1e-5, rtol=0)


def test_with_an_odd_number_of_frames_the_original_pools_half_a_frame_of_padding(
    sense: Sense, checkpoint: Path, encoder_folder: Path
) -> None:
    speech = speech_batch([EVEN[0] + 160])[0][0]
    embedding = ours(checkpoint, encoder_folder).encode([speech.numpy()])["sem"][0]
    with torch.no_grad():
        layers = sense.wav2vec2(speech[None])
        mixed = sense.model[0](layers)
        real = sense.model[2](mixed[:, :-1])
    torch.testing.assert_close(torch.from_numpy(embedding), nn.functional.normalize(real)[0], atol=1e-5, rtol=0)
    assert (torch.from_numpy(embedding) - theirs(sense, speech)["sem"][0]).abs().max() > 1e-3


def test_the_mix_may_read_all_hidden_states(encoder_folder: Path, tmp_path: Path) -> None:
    sense = Sense(encoder_folder, first=0).eval()
    torch.save(sense.model.state_dict(), tmp_path / "model.ckpt")
    torch.save(sense.wav2vec2.state_dict(), tmp_path / "wav2vec2.ckpt")
    (tmp_path / "hyperparams.yaml").write_text("layer_start_sem: 0\nmix: !new:os.system\n    - echo\n")
    speech = speech_batch([EVEN[0]])[0][0]
    embedding = ours(tmp_path, encoder_folder).encode([speech.numpy()])["sem"][0]
    torch.testing.assert_close(torch.from_numpy(embedding), theirs(sense, speech)["sem"][0], atol=1e-5, rtol=0)


def test_one_file_for_each_module_is_read_too(copied: Path, sense: Sense, encoder_folder: Path) -> None:
    (copied / "model.ckpt").unlink()
    names = ("layer_mix_sem", "layer_mix_spk", "attn_pooling_sem", "attn_pooling_spk", "projection_spk")
    for name, module in zip(names, sense.model, strict=True):
        torch.save(module.state_dict(), copied / f"{name}.ckpt")
    speech = speech_batch([EVEN[0]])[0][0]
    embedding = ours(copied, encoder_folder).encode([speech.numpy()])["spk"][0]
    torch.testing.assert_close(torch.from_numpy(embedding), theirs(sense, speech)["spk"][0], atol=1e-5, rtol=0)


def edit(path: Path, **changes: Any) -> None:
    """Set or, with None, drop weights of a checkpoint."""
    weights = torch.load(path, weights_only=True) | {name.replace("__", "."): w for name, w in changes.items()}
    torch.save({name: weight for name, weight in weights.items() if weight is not None}, path)


@pytest.mark.parametrize(
    ("file", "name", "weight", "complaint"),
    [
        ("model.ckpt", "0__ln__bias", None, "heads.sem.layer_mix.norm.bias is missing"),
        ("model.ckpt", "1__W", None, r"the layer mix of spk \(logits, W\) is missing"),
        ("model.ckpt", "4__gate", torch.zeros(1), "projection_spk.gate is unknown"),
        ("model.ckpt", "4__bias", torch.zeros(3), r"heads.spk.projection.bias has shape \(3,\), not \(12,\)"),
        ("wav2vec2.ckpt", "model__encoder__new", torch.zeros(1), "encoder.encoder.encoder.new is unknown"),
        ("wav2vec2.ckpt", "model__feature_projection__projection__bias", None, "projection.bias is missing"),
        ("model.ckpt", "0__logits", torch.zeros(9), "the mix of sem reads 9 of the encoder's 4 hidden states"),
    ],
)
def test_the_error_names_a_missing_unknown_or_misshapen_weight(
    copied: Path, encoder_folder: Path, file: str, name: str, weight: Tensor | None, complaint: str
) -> None:
    edit(copied / file, **{name: weight})
    with pytest.raises(UserError, match=complaint):
        ours(copied, encoder_folder)


def test_the_error_of_a_missing_file_lists_the_existing_files(copied: Path, encoder_folder: Path) -> None:
    (copied / "wav2vec2.ckpt").unlink()
    with pytest.raises(UserError, match="wav2vec2.ckpt is missing; the folder contains .*model.ckpt"):
        ours(copied, encoder_folder)


def test_hyperparameters_that_contradict_the_weights_are_refused(copied: Path, encoder_folder: Path) -> None:
    (copied / "hyperparams.yaml").write_text(yaml.safe_dump({"layer_start_sem": 0, "layer_end_sem": 3}))
    with pytest.raises(UserError, match="the mix of sem reads 3 of the encoder.s 4 hidden states, from 0"):
        ours(copied, encoder_folder)


@pytest.mark.parametrize("content", ["", "a: [", "- a", "a: !!python/name:os.system"])
def test_the_error_names_broken_hyperparameters(copied: Path, encoder_folder: Path, content: str) -> None:
    (copied / "hyperparams.yaml").write_text(content)
    with pytest.raises(UserError, match=r"hyperparams.yaml: invalid hyperparameters \("):
        ours(copied, encoder_folder)


def test_an_encoder_of_another_architecture_is_refused(copied: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "whisper"}))
    with pytest.raises(UserError, match="model_type 'whisper' is not SENSE's, wav2vec2-bert"):
        sense_encoder_config(copied, str(tmp_path))
