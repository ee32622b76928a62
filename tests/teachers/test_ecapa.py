"""The batched ECAPA-TDNN against SpeechBrain's own classifier, one utterance at a time, on small random weights."""

from pathlib import Path

import numpy as np
import pytest
import torch

from espnet_ext.teachers import AbsTeacher, Runtime, build_teacher
from espnet_ext.teachers.ecapa import EcapaTeacher
from espnet_ext.utils.errors import UserError

pytest.importorskip("speechbrain", reason="an optional teacher")
from speechbrain.inference.classifiers import EncoderClassifier
from speechbrain.lobes.features import Fbank
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
from speechbrain.processing.features import InputNormalization

NAME = "speechbrain/spkrec-ecapa-voxceleb"


@pytest.fixture(scope="module")
def network() -> ECAPA_TDNN:
    torch.manual_seed(0)
    network = ECAPA_TDNN(
        80,
        lin_neurons=12,
        channels=[16, 16, 16, 16, 40],
        kernel_sizes=[5, 3, 3, 3, 1],
        dilations=[1, 2, 3, 4, 1],
        attention_channels=8,
        res2net_scale=4,
        se_channels=6,
    )
    for name, buffer in network.named_buffers():  # those of a trained network are not 0 and 1
        if name.endswith("running_mean"):
            buffer.normal_()
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 2.0)
    return network.eval()


@pytest.fixture(scope="module")
def teacher_dir(network: ECAPA_TDNN, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of teachers that contains this one."""
    folder = tmp_path_factory.mktemp("teachers")
    (folder / "spkrec-ecapa-voxceleb").mkdir()
    torch.save(network.state_dict(), folder / "spkrec-ecapa-voxceleb" / "embedding_model.ckpt")
    return folder


@pytest.fixture(scope="module")
def teacher(teacher_dir: Path) -> AbsTeacher:
    return build_teacher("ecapa", Runtime("cpu", teacher_dir))


@pytest.fixture(scope="module")
def waves() -> list[np.ndarray]:
    """Utterances of 40 ms to 2 s, some of equal length, one that ends with a click after near silence."""
    random = np.random.default_rng(0)
    lengths = [640, 8000, 32000, 8000, 8001, 15999, 16000, 16160, 4801]
    waves = [random.normal(0, 0.1 / (i + 1), n).astype(np.float32) for i, n in enumerate(lengths)]
    click = random.normal(0, 1e-6, 57 * 160 + 159).astype(np.float32)
    click[-1] = 1.0
    return [*waves, click]


def alone(network: ECAPA_TDNN, wave: np.ndarray) -> np.ndarray:
    """The normalized embedding of one utterance by SpeechBrain."""
    modules = {
        "compute_features": Fbank(n_mels=80),
        "mean_var_norm": InputNormalization(norm_type="sentence", std_norm=False),
        "embedding_model": network,
        "classifier": torch.nn.Identity(),
    }
    classifier = EncoderClassifier(modules=modules, hparams={})
    with torch.no_grad():
        vector = classifier.encode_batch(torch.from_numpy(wave))[0, 0].double().numpy()
    return vector / np.linalg.norm(vector)


def test_a_mixed_batch_has_the_embeddings_of_single_utterances_by_speechbrain(
    teacher: AbsTeacher, network: ECAPA_TDNN, waves: list[np.ndarray]
) -> None:
    expected = np.stack([alone(network, wave) for wave in waves])
    assert teacher.dim == 12
    np.testing.assert_allclose(teacher.embed(waves), expected, atol=1e-5)


def test_a_batch_in_speechbrain_depends_on_padding(network: ECAPA_TDNN, waves: list[np.ndarray]) -> None:
    """The reason why the teacher reflects every utterance at its end."""
    short, long = waves[1], waves[2]
    features = Fbank(n_mels=80)(torch.from_numpy(np.stack([np.pad(short, (0, len(long) - len(short))), long])))
    lengths = torch.tensor([len(short) / len(long), 1.0])
    normalize = InputNormalization(norm_type="sentence", std_norm=False)
    with torch.no_grad():
        vector = network(normalize(features, lengths), lengths)[0, 0].double().numpy()
    assert np.abs(vector / np.linalg.norm(vector) - alone(network, short)).max() > 1e-4


def test_an_utterance_does_not_depend_on_its_batch_mates(
    teacher: AbsTeacher, waves: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    together = teacher.embed(waves)
    np.testing.assert_allclose(teacher.embed(waves[::-1])[::-1], together, atol=1e-6)
    monkeypatch.setattr("espnet_ext.teachers.ecapa.CPU_BATCH", 20000)
    np.testing.assert_allclose(teacher.embed(waves), together, atol=1e-6)


def test_a_long_recording_is_the_mean_of_its_parts(
    teacher: AbsTeacher, waves: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    long = np.concatenate([waves[1], waves[3], np.zeros(8000, np.float32)])
    parts = teacher.embed([waves[1], waves[3]])
    monkeypatch.setattr(EcapaTeacher, "max_samples", 8100)
    vectors = teacher.embed([waves[4], long, waves[0]])
    np.testing.assert_allclose(vectors[1], parts.sum(axis=0) / np.linalg.norm(parts.sum(axis=0)), atol=1e-6)
    np.testing.assert_allclose(vectors[[0, 2]], teacher.embed([waves[4], waves[0]]), atol=1e-6)
    assert np.isnan(teacher.embed([np.zeros(20000, np.float32)])).all()


def test_silence_and_under_five_frames_give_nan_without_changing_batch_mates(
    teacher: AbsTeacher, waves: list[np.ndarray]
) -> None:
    vectors = teacher.embed([np.zeros(16000, np.float32), waves[1], waves[2][:639]])
    assert np.isnan(vectors[0]).all() and np.isnan(vectors[2]).all()
    np.testing.assert_allclose(vectors[1], teacher.embed([waves[1]])[0], atol=1e-6)


def test_bfloat16_is_close_and_has_another_target_version(
    teacher: AbsTeacher, teacher_dir: Path, waves: list[np.ndarray]
) -> None:
    half = build_teacher("ecapa", Runtime("cpu", teacher_dir), precision="bfloat16")
    cosine = (half.embed(waves) * teacher.embed(waves)).sum(axis=1)
    assert cosine.min() > 0.995 and cosine.max() < 1.0
    assert half.normalisation != teacher.normalisation
    with pytest.raises(UserError, match="teacher ecapa: unknown precision 'fp16'; legal: float32, bfloat16"):
        build_teacher("ecapa", Runtime("cpu", teacher_dir), precision="fp16")


def test_the_version_depends_on_the_weights_and_not_on_their_folder(
    teacher: AbsTeacher, teacher_dir: Path, tmp_path: Path
) -> None:
    weights = torch.load(teacher_dir / "spkrec-ecapa-voxceleb" / "embedding_model.ckpt", weights_only=True)
    torch.save(weights, tmp_path / "embedding_model.ckpt")
    moved = build_teacher("ecapa", Runtime("cpu", tmp_path))
    assert moved.version == teacher.version
    torch.save(weights | {"fc.conv.bias": weights["fc.conv.bias"] + 1}, tmp_path / "embedding_model.ckpt")
    assert build_teacher("ecapa", Runtime("cpu", tmp_path)).version != teacher.version


def test_invalid_weights_give_one_error_line(teacher_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "embedding_model.ckpt"
    with pytest.raises(UserError, match=f"teacher ecapa: no weights of {NAME}: expected embedding_model.ckpt in"):
        build_teacher("ecapa", Runtime("cpu", tmp_path))
    weights = torch.load(teacher_dir / "spkrec-ecapa-voxceleb" / path.name, weights_only=True)
    torch.save(weights | {"extra": torch.zeros(1)}, path)
    with pytest.raises(UserError, match="embedding_model.ckpt: weights of another model: extra is unknown"):
        build_teacher("ecapa", Runtime("cpu", tmp_path))
    torch.save({"weight": torch.zeros(1)}, path)
    with pytest.raises(UserError, match="embedding_model.ckpt: not a SpeechBrain ECAPA-TDNN: 'blocks.0"):
        build_teacher("ecapa", Runtime("cpu", tmp_path))


class Payload:
    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("/tmp/espnet_ext_payload_ran"),))


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"weights": Payload()}, tmp_path / "embedding_model.ckpt")
    with pytest.raises(UserError, match="embedding_model.ckpt: damaged, or not plain weights .UnpicklingError"):
        build_teacher("ecapa", Runtime("cpu", tmp_path))
    assert not Path("/tmp/espnet_ext_payload_ran").exists()
