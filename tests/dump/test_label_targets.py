"""Labels as targets: their values, missing and unknown labels, and errors with file, line and utterance."""

import json
from pathlib import Path

import kaldiio
import numpy as np
import pytest

from espnet_ext.config.attributes import LabelTarget
from espnet_ext.config.labels import LabelSpace
from espnet_ext.dump.label_targets import class_file, dump_labels
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.utils.errors import UserError

LANGUAGES = {"a-1": "spa", "a-2": "deu", "b-1": "spa", "b-2": "und", "ñ-1": "eng"}
LANG = LabelTarget(labels="utt2lang")
AGE = LabelTarget(labels="utt2age", kind="number")


def make_dump(folder: Path, **files: dict[str, str]) -> Path:
    """A dump of utterances a-1 to c-1."""
    folder.mkdir()
    write_scp(folder / "wav.scp", {name: f"{folder}/a.ark:1" for name in [*LANGUAGES, "c-1"]})
    for name, column in files.items():
        write_scp(folder / name, column)
    return folder


def values_of(dump: Path, attribute: str) -> dict[str, float | None]:
    vectors = {name: None if s == "None" else kaldiio.load_mat(s) for name, s in read_scp_of(dump, attribute).items()}
    assert all(v is None or (v.dtype == np.float32 and v.shape == (1,)) for v in vectors.values())
    return {name: None if vector is None else vector.item() for name, vector in vectors.items()}


def read_scp_of(dump: Path, attribute: str) -> dict[str, str]:
    return read_scp(dump / f"target_{attribute}.scp")


def description(dump: Path, attribute: str) -> dict:
    return json.loads((dump / f"target_{attribute}.json").read_text(encoding="utf-8"))


def test_classes_are_indices_in_sorted_order(tmp_path: Path) -> None:
    dump = make_dump(tmp_path / "a set", utt2lang=LANGUAGES)
    dump_labels(dump, "lang", LANG)
    expected = {"a-1": 2.0, "a-2": 0.0, "b-1": 2.0, "b-2": None, "c-1": None, "ñ-1": 1.0}
    assert values_of(dump, "lang") == expected
    assert read_scp_of(dump, "lang")["a-1"] == read_scp_of(dump, "lang")["b-1"]
    labels = {"labels": "utt2lang", "from": "labels", "dim": 1, "kind": "class"}
    labels["classes"] = {"deu": 1, "eng": 1, "spa": 2}
    assert description(dump, "lang") == labels | {"num_targets": 4, "num_missing": 2, "num_unknown": 0}
    assert json.loads(class_file(dump, "lang").read_text()) == labels


def test_numeric_targets_are_unchanged_and_their_scale_is_written(tmp_path: Path) -> None:
    ages = {"a-1": "20", "a-2": "31.5", "b-1": "20", "ñ-1": "64"}
    dump = make_dump(tmp_path / "set", utt2age=ages)
    dump_labels(dump, "age", AGE)
    assert values_of(dump, "age") == {"b-2": None, "c-1": None} | {name: float(age) for name, age in ages.items()}
    found = LabelSpace.from_json(description(dump, "age"))
    numbers = [20, 31.5, 20, 64]
    assert (found.kind, found.mean) == ("number", pytest.approx(np.mean(numbers)))
    assert found.std == pytest.approx(np.std(numbers))
    other = make_dump(tmp_path / "other", utt2age={"a-1": "7"})
    dump_labels(other, "age", AGE, class_file(dump, "age"))
    assert values_of(other, "age")["a-1"] == 7.0
    assert LabelSpace.from_json(description(other, "age")) == found


def test_different_numbers_are_in_a_different_archive(tmp_path: Path) -> None:
    dump = make_dump(tmp_path / "set", utt2age={"a-1": "20", "a-2": "30"})
    dump_labels(dump, "age", AGE)
    before = read_scp_of(dump, "age")
    write_scp(dump / "utt2age", {"a-1": "20", "a-2": "40"})
    dump_labels(dump, "age", AGE)
    assert read_scp_of(dump, "age")["a-1"] != before["a-1"]
    assert len(list(dump.glob("target_age*.ark"))) == 1


def test_another_set_uses_the_classes_of_the_training_set(tmp_path: Path) -> None:
    train = make_dump(tmp_path / "train", utt2lang=LANGUAGES)
    dump_labels(train, "lang", LANG)
    dev = make_dump(tmp_path / "dev", utt2lang={"a-1": "spa", "c-1": "eng"})
    dump_labels(dev, "lang", LANG, class_file(train, "lang"))
    found = values_of(dev, "lang")
    assert {name: found[name] for name in ("a-1", "c-1", "b-1")} == {"a-1": 2.0, "c-1": 1.0, "b-1": None}
    assert description(dev, "lang")["classes"] == {"deu": 1, "eng": 1, "spa": 2}
    assert not class_file(dev, "lang").exists()


def test_a_class_missing_in_training_is_an_error_or_an_unknown_row(tmp_path: Path) -> None:
    train = make_dump(tmp_path / "train", utt2lang=LANGUAGES)
    dump_labels(train, "lang", LANG)
    dev = make_dump(tmp_path / "dev", utt2lang={"a-1": "spa", "b-2": "fra"})
    with pytest.raises(UserError, match="dev/utt2lang: 'fra' of b-2 is not among the classes of .*train/classes_lang"):
        dump_labels(dev, "lang", LANG, class_file(train, "lang"))
    assert not (dev / "target_lang.scp").exists()
    dump_labels(dev, "lang", LabelTarget(labels="utt2lang", unknown="skip"), class_file(train, "lang"))
    assert values_of(dev, "lang")["b-2"] == -1.0
    assert description(dev, "lang")["num_unknown"] == 1


def test_for_a_set_without_the_file_no_target_is_made_and_a_line_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for target, attribute in ((LANG, "lang"), (AGE, "age")):
        dump = make_dump(tmp_path / attribute)
        dump_labels(dump, attribute, target)
        assert set(values_of(dump, attribute).values()) == {None}
        line = f"  {dump}: no utterance has a label in {target.labels}, so every target_{attribute} is None\n"
        assert capsys.readouterr().out == line
        assert LabelSpace.from_json(description(dump, attribute)).fault()


@pytest.mark.parametrize(
    ("file", "lines", "message"),
    [
        ("utt2lang", "a-1 eng\nx-9 eng\n", "set/utt2lang:2: utterance 'x-9' is not in wav.scp; run stage 2 again"),
        ("utt2lang", "a-1 eng\na-2 \n", "set/utt2lang:2: expected `key value`, found 'a-2 '"),
        ("utt2lang", "a-1 eng\na-1 deu\n", "set/utt2lang:2: 'a-1' is listed twice"),
        (
            "utt2age",
            "a-1 20\na-2 old\n",
            "set/utt2age: 'old' of a-2 is not a number; correct it, or write `kind: class`",
        ),
        ("utt2age", "a-1 nan\n", "set/utt2age: 'nan' of a-1 is not a number"),
    ],
)
def test_an_error_in_the_label_file_names_its_line(tmp_path: Path, file: str, lines: str, message: str) -> None:
    dump = make_dump(tmp_path / "set")
    (dump / file).write_text(lines)
    with pytest.raises(UserError, match=message):
        dump_labels(dump, "x", {"utt2lang": LANG, "utt2age": AGE}[file])
    assert not (dump / "target_x.scp").exists()


def test_classes_of_another_attribute_are_refused(tmp_path: Path) -> None:
    train, dev = make_dump(tmp_path / "train", utt2lang=LANGUAGES), make_dump(tmp_path / "dev")
    with pytest.raises(UserError, match="--classes .*classes_lang.json: no such file; dump the training set's"):
        dump_labels(dev, "lang", LANG, class_file(train, "lang"))
    dump_labels(train, "lang", LANG)
    with pytest.raises(UserError, match=r"classes_lang.json: of utt2lang \(class\), not utt2age \(number\)"):
        dump_labels(dev, "age", AGE, class_file(train, "lang"))
    class_file(train, "lang").write_text("{}")
    with pytest.raises(UserError, match="classes_lang.json: describes no labels"):
        dump_labels(dev, "lang", LANG, class_file(train, "lang"))


def test_labels_without_information_are_refused() -> None:
    assert LabelSpace(kind="class", classes={"a": 2, "b": 1}).fault() == ""
    assert LabelSpace(kind="class", classes={"a": 2}).fault() == "training has one class only, 'a'"
    assert LabelSpace(kind="class", classes={}).fault() == "no training utterance has a label"
    assert LabelSpace(kind="number", mean=30.0, std=0.0).fault() == "every training utterance has the same number, 30"
