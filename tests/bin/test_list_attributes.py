"""The attributes that some systems need."""

import sys
import types
from pathlib import Path

import pytest
import yaml

from espnet_ext.bin import list_attributes
from espnet_ext.utils.errors import UserError


def run(monkeypatch: pytest.MonkeyPatch, path: Path, *systems: str) -> None:
    monkeypatch.setattr("sys.argv", ["list_attributes", str(path), *systems])
    list_attributes.main()


@pytest.fixture
def path(tmp_path: Path, attributes_block: dict) -> Path:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump({"attributes": attributes_block}, sort_keys=False))
    return tmp_path / "a.yaml"


@pytest.mark.parametrize(
    ("systems", "expected"),
    [
        (["spk+sem"], "sem text text\nspk speech \n"),
        (["spk"], "spk speech \n"),
        (["spk", "sem", "sem+spk"], "sem text text\nspk speech \n"),
    ],
)
def test_each_needed_attribute_is_listed_once_in_the_order_of_the_file(
    path: Path, systems: list[str], expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, path, *systems)
    assert capsys.readouterr().out == expected


def test_the_source_files_of_targets_are_listed(
    path: Path, attributes_block: dict, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sem = attributes_block["sem"] | {"target": attributes_block["sem"]["target"] | {"average_translations": True}}
    lang = {"target": {"labels": "utt2lang"}, "head": {"hidden_dim": 8, "dim": 4}, "objective": {"name": "softmax"}}
    path.write_text(yaml.safe_dump({"attributes": attributes_block | {"sem": sem, "lang": lang}}, sort_keys=False))
    run(monkeypatch, path, "sem+lang")
    assert capsys.readouterr().out == "sem text text,utt2sent,utt2lang\nlang labels utt2lang\n"


@pytest.mark.parametrize(
    ("systems", "message"),
    [
        (["sem+lang"], "a.yaml declares no attribute 'lang'; declared: sem, spk"),
        (["sem+"], "a.yaml declares no attribute ''; declared: sem, spk"),
        (["sem+sem"], "^--systems: sem.sem has the attribute sem twice; remove one"),
        (["sem", "spk", "sem"], "^--systems: sem is given twice; remove one"),
    ],
)
def test_the_error_names_a_wrong_system(
    path: Path, systems: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=message):
        run(monkeypatch, path, *systems)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"teacher": "use", "from": "text"}, "a.yaml: sem: unknown teacher 'use'; legal: .*usem"),
        ({"teacher": "usem", "from": "speech"}, "a.yaml: sem: teacher usem reads text, not speech; write `from: text`"),
        ({"teacher": "usem", "from": "text", "options": {"lower": 1}}, "a.yaml: sem: teacher usem: options: .*'lower'"),
    ],
)
def test_the_error_names_a_wrong_teacher(
    path: Path, attributes_block: dict, target: dict, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sem = attributes_block["sem"] | {"target": target}
    path.write_text(yaml.safe_dump({"attributes": attributes_block | {"sem": sem}}))
    with pytest.raises(UserError, match=message):
        run(monkeypatch, path, "sem")
    run(monkeypatch, path, "spk")


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """Systems, configs and further options of every check."""
    calls: list[tuple] = []
    stand_in = types.SimpleNamespace(check_recipe=lambda *args: calls.append(args[2:]))
    monkeypatch.setitem(sys.modules, "espnet_ext.tasks.check", stand_in)
    return calls


def test_configs_are_checked_once(
    path: Path, tmp_path: Path, checked: list[tuple], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "train.yaml"
    options = ("--configs", str(config), "--checked", str(tmp_path / "exp/.steps/config.json"))
    config.write_text("max_epoch: 1\n")
    for systems in ("sem", "sem", "sem+spk", "sem+spk"):
        run(monkeypatch, path, systems, *options)
    words = ["--encoder", "chosen later"]
    assert checked == [([["sem"]], [config], words), ([["sem", "spk"]], [config], words)]
    config.write_text("max_epoch: 2\n")
    run(monkeypatch, path, "sem+spk", *options)
    run(monkeypatch, path, "sem+spk", *options, "--train_args=--max_epoch 3")
    assert checked[3] == ([["sem", "spk"]], [config], ["--max_epoch", "3", *words])


def test_an_added_attribute_is_checked_on_its_model(
    path: Path, tmp_path: Path, checked: list[tuple], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.json").write_text("{}")
    run(monkeypatch, path, "sem+spk", "--configs", str(path), "--add_to", str(tmp_path), "--added", "spk")
    assert checked == [([["spk"]], [path], ["--add_to", str(tmp_path)])]
