"""Speaker models of ESPnet-SPK against ESPnet's inference, on tiny random networks of two architectures."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from espnet_ext.teachers import AbsTeacher, Runtime, build_teacher
from espnet_ext.teachers.espnet_spk import build_network, equal_length_batches
from espnet_ext.utils.errors import UserError

COMMON = {
    "specaug": None,
    "normalize": None,
    "pooling": "chn_attn_stat",
    "pooling_conf": {},
    "projector": "rawnet3",
    "projector_conf": {"output_size": 12},
    "loss": "aamsoftmax",
    "loss_conf": {"margin": 0.3, "scale": 15},
    "spk_num": 5,
    "input_size": None,
    "init": "chainer",
}
MODELS = {
    "ecapa": {
        "frontend": "melspec_torch",
        "frontend_conf": {"log": True, "n_mels": 20, "normalize": "mn"},
        "encoder": "ecapa_tdnn",
        "encoder_conf": {"model_scale": 4, "ndim": 16, "output_size": 24},
    },
    "rawnet3": {
        "frontend": "asteroid_frontend",
        "frontend_conf": {"sinc_filters": 16, "sinc_stride": 48},
        "encoder": "rawnet3",
        "encoder_conf": {"model_scale": 4, "ndim": 16, "output_size": 24},
    },
}


def write_model(folder: Path, kind: str) -> Path:
    """A model packed as on the hub: meta.yaml, exp/<name>/config.yaml and its checkpoint."""
    exp = folder / "exp" / "spk_train"
    exp.mkdir(parents=True)
    (exp / "config.yaml").write_text(yaml.safe_dump(COMMON | MODELS[kind]))
    names = {"files": {"model_file": "exp/spk_train/40epoch.pth"}}
    names["yaml_files"] = {"train_config": "exp/spk_train/config.yaml"}
    (folder / "meta.yaml").write_text(yaml.safe_dump(names | {"espnet": "202310"}))
    torch.manual_seed(0)
    network = build_network(exp / "config.yaml")
    for name, buffer in network.named_buffers():  # those of a trained network are not 0 and 1
        if name.endswith("running_mean"):
            buffer.normal_()
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 2.0)
    torch.save(network.state_dict(), exp / "40epoch.pth")
    return folder


@pytest.fixture(scope="module", params=sorted(MODELS))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "rawnet3":
        pytest.importorskip("asteroid_filterbanks", reason="espnet[spk]")
    return write_model(tmp_path_factory.mktemp("teachers") / "espnet" / request.param, request.param)


@pytest.fixture(scope="module")
def teacher(folder: Path) -> AbsTeacher:
    return build_teacher("espnet_spk", Runtime("cpu", folder.parent.parent), model=f"espnet/{folder.name}")


@pytest.fixture(scope="module")
def waves() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.normal(0, 0.1, n).astype(np.float32) for n in (16000, 9000, 16000, 12345, 9000, 16000)]


def test_embeddings_equal_those_of_espnets_inference_on_single_utterances(
    teacher: AbsTeacher, folder: Path, waves: list[np.ndarray]
) -> None:
    from espnet2.bin.spk_inference import Speech2Embedding

    exp = folder / "exp" / "spk_train"
    # Older models name the initialization `chainer`, which ESPnet has removed; they must still load.
    single = Speech2Embedding(str(exp / "config.yaml"), str(exp / "40epoch.pth"))
    expected = np.concatenate([single(wave).numpy() for wave in waves])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert teacher.dim == 12
    np.testing.assert_allclose(teacher.embed(waves), expected, atol=1e-5)


def test_an_utterance_does_not_depend_on_its_batch_mates(teacher: AbsTeacher, waves: list[np.ndarray]) -> None:
    alone = np.concatenate([teacher.embed([wave]) for wave in waves])
    np.testing.assert_allclose(teacher.embed(waves), alone, atol=1e-6)


def test_silence_gives_nan(teacher: AbsTeacher, waves: list[np.ndarray]) -> None:
    vectors = teacher.embed([np.zeros(16000, np.float32), waves[0]])
    assert np.isnan(vectors[0]).all() and np.isfinite(vectors[1]).all()


def test_batches_have_one_length_and_stay_within_the_budget() -> None:
    items = [np.ones(n, np.float32) for n in (5, 3, 5, 5, 100, 3)]
    assert equal_length_batches([*items, np.zeros(3, np.float32)], 10) == [[1, 5], [0, 2], [3], [4]]


def test_the_folder_of_a_trained_model_is_read_too(teacher: AbsTeacher, folder: Path, waves: list[np.ndarray]) -> None:
    exp = folder / "exp" / "spk_train"
    trained = build_teacher("espnet_spk", Runtime("cpu"), model=str(exp))
    np.testing.assert_array_equal(trained.embed(waves[:2]), teacher.embed(waves[:2]))


def test_an_invalid_model_gives_one_error_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no weights of espnet/x: expected meta.yaml or config.yaml in .*espnet/x"):
        build_teacher("espnet_spk", Runtime("cpu", tmp_path), model="espnet/x")
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(COMMON | {"frontend": "s3prl"}))
    with pytest.raises(UserError, match=r"expected one checkpoint \*.pth, or a meta.yaml that names it; found 0"):
        build_teacher("espnet_spk", Runtime("cpu", tmp_path), model="espnet/x")
    torch.save({}, tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"its front end \(s3prl\) downloads code and pickled weights"):
        build_teacher("espnet_spk", Runtime("cpu", tmp_path), model="espnet/x")
    config.write_text(yaml.safe_dump(COMMON | MODELS["ecapa"] | {"encoder": "resnet999"}))
    with pytest.raises(UserError, match="config.yaml: ESPnet cannot build the speaker model: .*resnet999"):
        build_teacher("espnet_spk", Runtime("cpu", tmp_path), model="espnet/x")
    config.write_text(yaml.safe_dump(COMMON | MODELS["ecapa"]))
    with pytest.raises(UserError, match="a.pth: weights of another model: .* is missing and"):
        build_teacher("espnet_spk", Runtime("cpu", tmp_path), model="espnet/x")
    (tmp_path / "meta.yaml").write_text("files: {}\n")
    with pytest.raises(UserError, match="meta.yaml: names no ESPnet model"):
        build_teacher("espnet_spk", Runtime("cpu", tmp_path), model="espnet/x")
