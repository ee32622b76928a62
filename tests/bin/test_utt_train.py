"""The data options of training, checked before ESPnet is started."""

import argparse
from pathlib import Path

import pytest

from espnet_ext.bin.utt_train import data_options, parse_args
from espnet_ext.utils.errors import UserError

FILES = ["wav.scp", "layers/layers.scp", "target_sem_translations.scp", "target_spk.scp", "utt2num_samples"]
# sem is trained on averaged targets, spk on targets of its teacher.
ATTRIBUTES = """
attributes:
  sem:
    target: {teacher: usem, from: text, average_translations: true}
    head: {hidden_dim: 4, dim: 4}
    objective: {name: cosine}
  spk:
    target: {teacher: resemblyzer, from: speech}
    head: {hidden_dim: 4, dim: 4}
    objective: {name: cosine}
"""


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    folder = tmp_path / "dump of a set"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
        if name.startswith("target"):
            (folder / name).with_suffix(".json").write_text('{"dim": 4, "teacher": "t"}')
    (tmp_path / "attributes.yaml").write_text(ATTRIBUTES)
    return folder


def options_of(dump: Path, kind: str) -> list[str]:
    attributes, config = dump.parent / "attributes.yaml", dump.parent / "train.yaml"
    config.write_text("encoder_conf: {freeze_blocks: -1}\n")
    args = argparse.Namespace(
        config=config, input=kind, layers_name="layers", attribute_names=["sem", "spk"], attributes=attributes
    )
    return data_options(dump, "train", args)


@pytest.mark.parametrize(
    ("kind", "first"), [("speech", "wav.scp,speech,audio_ark"), ("layers", "layers/layers.scp,layers,layers")]
)
def test_options_name_input_targets_and_lengths(dump: Path, kind: str, first: str) -> None:
    option = "--train_data_path_and_name_and_type"
    assert options_of(dump, kind) == [
        *(option, f"{dump}/{first}"),
        *(option, f"{dump}/target_sem_translations.scp,sem,target"),
        *(option, f"{dump}/target_spk.scp,spk,target"),
        *("--train_shape_file", f"{dump}/utt2num_samples"),
    ]


def test_sentences_are_read_if_a_text_objective_compares_them(dump: Path) -> None:
    (dump / "utt2sent").touch()
    assert not any("sentences,sentence" in word for word in options_of(dump, "speech"))
    text = (dump.parent / "attributes.yaml").read_text()
    for attribute, wanted in {"spk": False, "sem": True}.items():
        before, after = text.split(f"  {attribute}:")
        (dump.parent / "attributes.yaml").write_text(
            f"{before}  {attribute}:{after.replace('cosine', 'contrastive', 1)}"
        )
        assert (f"{dump}/utt2sent,sentences,sentence" in options_of(dump, "speech")) == wanted


@pytest.mark.parametrize("name", ["wav.scp", "target_spk.scp", "utt2num_samples"])
def test_the_error_of_a_missing_file_of_the_dump_names_stage_2(dump: Path, name: str) -> None:
    (dump / name).unlink()
    with pytest.raises(UserError, match=rf"{name}: no such file; run stage 2 first .*--stage 2 --stop-stage 2"):
        options_of(dump, "speech")


def test_the_error_of_missing_layers_names_their_stage(dump: Path) -> None:
    (dump / "layers" / "layers.scp").unlink()
    with pytest.raises(UserError, match=r"layers/layers.scp: no such file; .*dump_layers"):
        options_of(dump, "layers")


@pytest.mark.parametrize("name", ["target_sem_translations", "target_spk"])
def test_targets_of_another_dimension_than_the_head_are_refused(dump: Path, name: str) -> None:
    (dump / f"{name}.json").write_text('{"dim": 5, "teacher": "t"}')
    attribute = name.split("_")[1]
    message = rf"yaml: the head of {attribute} has dim 4, but its targets of teacher t have 5 \(.*{name}.json"
    with pytest.raises(UserError, match=message):
        options_of(dump, "speech")


def test_a_comma_in_a_folder_name_is_refused(tmp_path: Path, dump: Path) -> None:
    renamed = dump.rename(tmp_path / "a,b")
    with pytest.raises(UserError, match="a,b/wav.scp: ESPnet does not support a comma"):
        options_of(renamed, "speech")


def test_other_options_are_passed_to_espnet(monkeypatch: pytest.MonkeyPatch) -> None:
    words = "--train_dump a --valid_dump b --attributes a.yaml --attribute_names sem spk --config c.yaml"
    monkeypatch.setattr("sys.argv", ["utt_train", *words.split(), "--optim_conf", "lr=1"])
    args, rest = parse_args()
    assert (args.train_dump, args.input, args.attribute_names) == (Path("a"), "speech", ["sem", "spk"])
    assert (args.attributes, args.config) == (Path("a.yaml"), Path("c.yaml"))
    assert rest == ["--optim_conf", "lr=1"]
