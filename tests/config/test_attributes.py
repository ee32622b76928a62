"""The attributes file: declarations are read in full, and the error of every mistake lists the valid choices."""

import copy
from pathlib import Path

import pytest
import yaml

from espnet_ext.config.attributes import (
    AttributeConfig,
    HeadConfig,
    LabelTarget,
    ObjectiveConfig,
    TeacherTarget,
    load_attributes,
    parse_attributes,
)
from espnet_ext.utils.errors import UserError


def test_a_declaration_is_read_in_full_and_in_order(tmp_path: Path, attributes_block: dict) -> None:
    path = tmp_path / "attributes.yaml"
    path.write_text(yaml.safe_dump({"attributes": attributes_block}, sort_keys=False), encoding="utf-8")
    attributes = load_attributes(path)
    assert list(attributes) == ["sem", "spk"]
    assert attributes["sem"].objectives == (
        ObjectiveConfig(name="cosine"),
        ObjectiveConfig(name="contrastive", weight=0.2),
    )
    assert attributes["spk"] == AttributeConfig(
        name="spk",
        target=TeacherTarget(teacher="resemblyzer", source="speech"),
        head=HeadConfig(dim=6, hidden_dim=8, pooling="attention", normalize_layers=True, dropout=0.0),
        objectives=(ObjectiveConfig(name="cosine", options={"scale": 2.0}),),
        weight=0.5,
        scoring=("verification",),
    )


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("haed",), {}, r"sem: unknown key 'haed' \(did you mean head\?\)"),
        (("head", "poolin"), "mean", r"sem\.head: unknown key 'poolin' \(did you mean pooling\?\)"),
        (("head", "dim"), "512", r"sem\.head: dim must be a valid integer, found .512."),
        (("target", "from"), "video", r"sem\.target: from must be 'text' or 'speech', found 'video'"),
        (("target", "teacher"), 3, r"sem\.target: teacher must be a valid string, found 3"),
        (("target", "options"), 3, r"sem\.target: options must be "),
        (("target",), {"labels": 3}, r"sem\.target: labels must be a valid string, found 3"),
        (
            ("target",),
            {"labels": "lang"},
            r"sem\.target\.labels: expected .* utt2lang, found 'lang'",
        ),
        (("target",), {"labels": "utt2../x"}, r"sem\.target\.labels: expected a data"),
        (("target",), {"labels": "utt2age", "kind": "n"}, r"sem\.target: kind must be 'class' or 'number', found 'n'"),
        (("target",), {"labels": "utt2age", "unknown": 1}, r"sem\.target: unknown must be 'error' or 'skip', found 1"),
        (
            ("target",),
            {"labels": "utt2age", "unknown": "x"},
            r"sem\.target: unknown must be 'error' or 'skip', found 'x'",
        ),
        (("target",), {"labels": "utt2age", "from": "text"}, r"sem\.target: unknown key 'from'"),
        (
            ("scoring",),
            ["retrival"],
            r"sem\.scoring\[0\]: must be 'retrieval', .* \(did you mean retrieval\?\)",
        ),
        (("scoring",), "retrieval", r"sem: scoring must be a valid list"),
        (("weight",), "high", r"sem: weight must be a valid number, found 'high'"),
        (("weight",), float("nan"), r"sem: weight must be a finite number, found nan"),
        (("head", "dim"), 0, r"sem\.head: dim must be greater than 0, found 0"),
        (("head", "dropout"), 1, r"sem\.head: dropout must be less than 1, found 1"),
        (("objective",), "cosine", r"sem\.objective\[0\]: expected keys name, .*, found 'cosine'"),
        (("objective",), [{"scale": 1.0}], r"sem\.objective\[0\]: missing key 'name'"),
        (("objective",), [], r"sem: objective must have at least 1 item"),
        (
            ("objective",),
            {"name": "cosine", "weight": "x"},
            r"sem\.objective\[0\]: weight must be a valid number",
        ),
    ],
)
def test_the_error_names_a_mistake(attributes_block: dict, place: tuple[str, ...], value: object, message: str) -> None:
    block = copy.deepcopy(attributes_block)
    entry = block["sem"]
    for key in place[:-1]:
        entry = entry[key]
    entry[place[-1]] = value
    with pytest.raises(UserError, match=rf"^file: attributes\.{message}"):
        parse_attributes(block, "file")


@pytest.mark.parametrize("name", ["target", "head", "objective"])
def test_the_error_names_a_missing_key(attributes_block: dict, name: str) -> None:
    block = {"sem": {key: value for key, value in attributes_block["sem"].items() if key != name}}
    with pytest.raises(UserError, match=f"file: attributes.sem: missing key '{name}'"):
        parse_attributes(block, "file")


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (None, "a valid dictionary, found None"),
        ({}, "at least 1 item .*"),
        ([], r"a valid dictionary, found \[\]"),
        ("sem", "a valid dictionary, found 'sem'"),
    ],
)
def test_at_least_one_attribute_is_needed(block: object, message: str) -> None:
    with pytest.raises(UserError, match=f"^file: attributes must (be|have) {message}$"):
        parse_attributes(block, "file")


@pytest.mark.parametrize("name", ["a b", "sem+spk", "../x", "speech", "layers", "utt_id", "scale"])
def test_an_unusable_name_is_refused(attributes_block: dict, name: str) -> None:
    with pytest.raises(UserError, match="name"):
        parse_attributes({name: attributes_block["sem"]}, "file")


def test_a_label_is_declared_by_its_file(attributes_block: dict) -> None:
    block = {"age": attributes_block["sem"] | {"target": {"labels": "utt2age", "kind": "number"}}}
    target = parse_attributes(block, "file")["age"].target
    assert target == LabelTarget(labels="utt2age", kind="number")
    assert (target.teacher, target.source, target.unknown) == (None, "labels", "error")


def test_the_error_names_an_attribute_declared_twice(tmp_path: Path, attributes_block: dict) -> None:
    text = yaml.safe_dump({"attributes": attributes_block}, sort_keys=False)
    again = yaml.safe_dump({"sem": attributes_block["sem"]})
    (tmp_path / "a.yaml").write_text(text + "".join(f"  {line}\n" for line in again.splitlines()), encoding="utf-8")
    line = len(text.splitlines()) + 1
    with pytest.raises(UserError, match=f"a.yaml: not valid YAML: 'sem' comes twice .*line {line}"):
        load_attributes(tmp_path / "a.yaml")
