"""Errors end a training with one line that names location and fix; the run can be resumed afterwards."""

import shutil
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import torch

from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.tasks.espnet_model import ESPnetUttModel
from espnet_ext.tasks.utt import UttTask
from espnet_ext.utils.errors import UserError
from helpers.training_run import RESULTS, Train, make_dump, trainer


def fail_at(number: int, monkeypatch: pytest.MonkeyPatch, training: bool = True) -> None:
    """Let the forward of the model run out of memory at this training step (or validation batch)."""
    plain, calls = ESPnetUttModel.forward, []

    def forward(self: ESPnetUttModel, **batch: object) -> tuple:
        if self.training == training:
            calls.append(batch)
        if len(calls) == number:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has ...")
        return plain(self, **batch)

    monkeypatch.setattr(ESPnetUttModel, "forward", forward)


def test_the_error_of_full_memory_names_batch_and_option_and_the_run_resumes(
    train: Train, straight: Path, work: Path, tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        fail_at(7, monkeypatch)
        with pytest.raises(UserError) as caught:
            train()
    lengths = {name: int(count) for name, count in read_scp(work / "train" / "utt2num_samples").items()}
    message = str(caught.value)
    words = message.split()
    assert message.startswith("out of GPU memory in train epoch 2, batch 3 of 4: ")
    assert message.endswith("lower batch_bins (40000) and run again: training resumes after epoch 1")
    longest = words[words.index("samples") + 1].strip("();")
    assert int(words[words.index("samples") - 1]) == lengths[longest]
    assert not (tmp_path / "out" / "model.safetensors").exists()
    assert not list((tmp_path / "out").glob("*.tmp"))
    out = train()
    for name in RESULTS:
        assert (out / name).read_bytes() == (straight / name).read_bytes(), name


def test_a_run_can_resume_with_smaller_batches(train: Train) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        fail_at(2, monkeypatch, training=False)
        with pytest.raises(UserError, match=r"out of GPU memory in valid epoch 1, .*lower valid_batch_bins \(40000\)"):
            train(max_epoch=1)
    train(max_epoch=1, batch_bins=30_000, valid_batch_bins=20_000)


@pytest.fixture
def broken(tmp_path: Path, work: Path) -> Path:
    """Data in which one utterance has an infinite speaker target and no semantic target."""
    folder = tmp_path / "broken"
    folder.mkdir()
    for name in ("encoder", "dev", "attributes.yaml"):
        (folder / name).symlink_to(work / name)
    make_dump(folder / "train", 16, seed=0)
    spoil(folder / "train")
    return folder


def spoil(dump: Path) -> None:
    vector = np.full(6, np.inf, dtype=np.float32)
    kaldiio.save_ark(f"{dump}/bad.ark", {"u03": vector}, scp=f"{dump}/bad.scp")
    write_scp(dump / "target_spk.scp", read_scp(dump / "target_spk.scp") | read_scp(dump / "bad.scp"))
    write_scp(dump / "target_sem.scp", read_scp(dump / "target_sem.scp") | {"u03": "None"})


@pytest.mark.parametrize("split", ["train", "dev"])
def test_the_error_of_a_non_finite_loss_names_attribute_and_utterances(
    broken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    if split == "dev":
        (broken / "dev").unlink()
        make_dump(broken / "dev", 6, seed=1)
        spoil(broken / "dev")
        write_scp(broken / "train" / "target_spk.scp", dict.fromkeys(read_scp(broken / "train" / "wav.scp"), "None"))
    with pytest.raises(UserError) as caught:
        # Large enough for every utterance to be drawn in the first epoch.
        trainer(broken, tmp_path, monkeypatch)(batch_bins=300_000, sampler_conf={"window": 64})
    head, _, utterances = str(caught.value).rpartition(": ")
    phase = "train" if split == "train" else "valid"
    assert head.startswith(f"the loss of spk is not finite in {phase} epoch 1, batch")
    names = utterances.split()
    assert "u03" in names
    assert set(names) <= set(read_scp(broken / split / "wav.scp"))
    # No step used the invalid loss, and there is no partial output.
    assert not list((tmp_path / "out").glob("*.pth")) + list((tmp_path / "out").glob("*.tmp"))


@pytest.mark.parametrize(("split", "samples"), [("train", 399), ("dev", 16_001)])
def test_an_utterance_too_short_for_the_encoder_is_an_error_before_training(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: str, samples: int
) -> None:
    shutil.copytree(work, tmp_path / "work", symlinks=True)
    listed = tmp_path / "work" / split / "utt2num_samples"
    write_scp(listed, read_scp(listed) | {"u03": samples})
    message = f"utterance u03 has {samples} samples; the encoder takes 400 to 16000 at once .1 of"
    with pytest.raises(UserError, match=message):
        trainer(tmp_path / "work", tmp_path, monkeypatch)()
    assert not list((tmp_path / "out").glob("*.pth"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder_conf": {"freeze_blocks": 2, "frame_average": 2}}, "encoder_conf {.*'freeze_blocks': 1.*}, not {.*2"),
        ({"optim": "adam"}, "was trained with optim 'adamw', not 'adam': change it back, name another output folder"),
        ({"optim2_conf": {"lr": 0.02, "momentum": 0.9}}, "optim2_conf {.*0.01.*}, not {.*0.02.*}"),
        ({"scheduler2": "newbob"}, "scheduler2 None, not 'newbob'"),
    ],
)
def test_a_checkpoint_of_another_config_is_refused(straight: Path, train: Train, changes: dict, message: str) -> None:
    before = (straight / "config.yaml").read_bytes()
    with pytest.raises(UserError, match=message):
        train(straight, **changes)
    assert (straight / "config.yaml").read_bytes() == before


def test_a_checkpoint_of_other_heads_is_refused(
    straight: Path, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "work"
    other.mkdir()
    for name in ("encoder", "dev", "train"):
        (other / name).symlink_to(work / name)
    changed = (work / "attributes.yaml").read_text().replace("hidden_dim: 8", "hidden_dim: 10")
    (other / "attributes.yaml").write_text(changed)
    with pytest.raises(UserError, match="checkpoint.pth: weights of another model: heads.sem.projection.bias is miss"):
        trainer(other, tmp_path, monkeypatch)(straight)


def test_more_gpus_than_available_are_refused(train: Train, tmp_path: Path) -> None:
    count = torch.cuda.device_count() + 1
    with pytest.raises(UserError, match=f"--ngpu {count}: this machine shows {count - 1} GPUs"):
        train(tmp_path / "out", "--ngpu", str(count))
    with pytest.raises(UserError, match="a launcher's processes have --ngpu 1 each"):
        train(tmp_path / "out", "--ngpu", "2", "--multiprocessing_distributed", "false")


def test_an_error_in_a_process_started_by_espnet_gives_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(args: object) -> None:
        raise UserError("no such thing")

    monkeypatch.setattr("espnet2.tasks.abs_task.AbsTask.main_worker", fail)
    with pytest.raises(UserError):
        UttTask.main_worker(None)
    monkeypatch.setattr("multiprocessing.parent_process", lambda: "another")
    with pytest.raises(SystemExit) as caught:
        UttTask.main_worker(None)
    assert caught.value.code == 1
    assert capsys.readouterr().err == "error: no such thing\n"
