"""The commands around a model, on a tiny one: layers, embeddings, packing."""

import json
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import SeamlessM4TFeatureExtractor, Wav2Vec2BertConfig, Wav2Vec2BertForCTC

from espnet_ext.bin import dump_layers, extract, pack, upload
from espnet_ext.dump.layer_store import read_layers
from espnet_ext.inference.utt_encoder import UttEncoder
from espnet_ext.kaldi.archives import append_to_ark, read_dumped
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.model.saved_model import load_encoder, load_model
from espnet_ext.model.utt_model import UntrainedModel
from espnet_ext.utils.errors import UserError
from helpers.tiny_encoders import CONFIGS, tiny_encoder


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    folder = tmp_path / "a dump" / "test_set"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    speech = {f"u{index}": random.normal(0, 0.1, 3000 * (index + 1)) for index in range(4)}
    with (folder / "a.ark").open("wb") as stream:
        write_scp(folder / "wav.scp", {u: f"{folder}/a.ark:{append_to_ark(stream, u, x)}" for u, x in speech.items()})
    write_scp(folder / "utt2num_samples", {utterance: len(samples) for utterance, samples in speech.items()})
    write_scp(folder / "utt2lang", dict.fromkeys(speech, "eng"))
    return folder


@pytest.fixture
def encoder_folder(tmp_path: Path, model_folder: Path, encoder_config: dict) -> Path:
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(encoder_config))
    save_file(load_model(model_folder).encoder.encoder.state_dict(), folder / "model.safetensors")
    return folder


def run(monkeypatch: pytest.MonkeyPatch, command: object, *words: object) -> None:
    monkeypatch.setattr("sys.argv", ["command", *map(str, words)])
    command.main()


def vectors_of(folder: Path, name: str) -> np.ndarray:
    return np.stack([kaldiio.load_mat(entry) for entry in read_scp(folder / f"{name}.scp").values()])


def test_extraction_writes_the_embeddings_of_the_library(
    dump: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--device", "cpu", "--attributes", "sem", "spk", "--out", tmp_path / "out"]
    run(monkeypatch, extract, "--model", model_folder, "--dump_dirs", dump, *options)
    speech = [read_dumped(entry) for entry in read_scp(dump / "wav.scp").values()]
    for name, expected in UttEncoder.from_pretrained(model_folder, "cpu").encode(speech).items():
        np.testing.assert_array_equal(vectors_of(tmp_path / "out" / "test_set", name), expected)
    assert "s of audio per second" in capsys.readouterr().err


def test_the_untrained_encoder_is_a_system_too(
    dump: Path, encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--device", "cpu", "--attributes", "sem", "--out", tmp_path / "out"]
    run(monkeypatch, extract, "--untrained", encoder_folder, "--dump_dirs", dump, *options)
    speech = [read_dumped(entry) for entry in read_scp(dump / "wav.scp").values()]
    model = UntrainedModel(load_encoder(encoder_folder), ["sem"]).eval()
    expected = UttEncoder(model).encode(speech)["sem"]
    np.testing.assert_array_equal(vectors_of(tmp_path / "out" / "test_set", "sem"), expected)


def test_layers_of_every_utterance_are_dumped_at_the_requested_rate(
    dump: Path, encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--device", "cpu", "--autocast", "float32", "--frame_average", 2]
    run(monkeypatch, dump_layers, "--dump_dir", dump, "--encoder", encoder_folder, *options)
    num_samples = read_scp(dump / "utt2num_samples")
    layers = {utterance: read_layers(entry) for utterance, entry in read_scp(dump / "layers" / "layers.scp").items()}
    assert list(layers) == list(num_samples)
    for utterance, array in layers.items():
        frames = -(-(int(num_samples[utterance]) // 160) // 2)
        assert array.shape == (-(-frames // 2), 3, 32)


@pytest.fixture(params=["10GB", "20KB"], ids=["one file", "shards"])
def hub_folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A w2v-BERT model with a head, in the layout of a hub."""
    folder = tmp_path / "w2v-bert"
    encoder = tiny_encoder("w2v_bert").encoder
    model = Wav2Vec2BertForCTC(Wav2Vec2BertConfig(**CONFIGS["w2v_bert"], vocab_size=7))
    model.wav2vec2_bert.load_state_dict(encoder.state_dict(), strict=False)
    model.save_pretrained(folder, max_shard_size=request.param)
    SeamlessM4TFeatureExtractor().save_pretrained(folder)
    return folder


def test_the_commands_accept_a_hub_folder_of_w2v_bert(
    dump: Path, hub_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(
        monkeypatch,
        dump_layers,
        "--dump_dir",
        dump,
        "--encoder",
        hub_folder,
        "--device",
        "cpu",
        "--autocast",
        "float32",
    )
    entries = read_scp(dump / "layers" / "layers.scp")
    model = UntrainedModel(tiny_encoder("w2v_bert"), ["sem"]).eval()
    speech = {utterance: read_dumped(entry) for utterance, entry in read_scp(dump / "wav.scp").items()}
    for utterance, samples in speech.items():
        with torch.no_grad():
            layers, _ = model.encoder(torch.from_numpy(samples)[None], torch.tensor([len(samples)]))
        # Stored in half precision.
        expected = torch.cat(layers).transpose(0, 1).numpy()
        np.testing.assert_allclose(read_layers(entries[utterance]), expected, atol=1e-2, rtol=1e-2)
    options = ["--device", "cpu", "--attributes", "sem", "--out", tmp_path / "out"]
    run(monkeypatch, extract, "--untrained", hub_folder, "--dump_dirs", dump, *options)
    expected = UttEncoder(model).encode(list(speech.values()))["sem"]
    np.testing.assert_array_equal(vectors_of(tmp_path / "out" / "test_set", "sem"), expected)


def test_packing_prints_its_output_path(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, pack, "--model", model_folder, "--out", tmp_path / "packed")
    assert capsys.readouterr().out.split() == [f"{tmp_path}/packed", f"{tmp_path}/packed.zip"]
    assert (tmp_path / "packed.zip").is_file()


class Hub:
    """Records its requests; unreachable if `error` is set."""

    error: Exception | None = None
    asked: list[dict]

    def create_repo(self, name: str, **options: object) -> None:
        if self.error:
            raise self.error

    def upload_folder(self, **options: object) -> None:
        self.asked.append(options)


def test_only_the_model_is_uploaded(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    monkeypatch.setattr(Hub, "asked", [], raising=False)
    run(monkeypatch, upload, "--packed", model_folder, "--to", "me/model")
    files = ["model.json", "model.safetensors", "README.md"]
    assert Hub.asked == [{"repo_id": "me/model", "folder_path": model_folder, "allow_patterns": files}]
    monkeypatch.setattr(Hub, "error", RuntimeError("connection refused"))
    with pytest.raises(UserError, match="--to me/model: the hub refused the upload .*connection refused"):
        run(monkeypatch, upload, "--packed", model_folder, "--to", "me/model")
