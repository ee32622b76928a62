"""Label targets of several training sets: classes by name, counts and scales over all sets."""

import json
from pathlib import Path

import kaldiio
import numpy as np
import pytest

from espnet_ext.config.attributes import LabelTarget
from espnet_ext.config.labels import LabelSpace
from espnet_ext.dump.combine import combine_dumps
from espnet_ext.dump.label_targets import class_file, dump_labels
from espnet_ext.kaldi.scp import read_scp, write_scp

LANG = LabelTarget(labels="utt2lang")
AGE = LabelTarget(labels="utt2age", kind="number")


def write_dump(folder: Path, languages: dict[str, str], ages: dict[str, str] | None = None) -> Path:
    folder.mkdir()
    write_scp(folder / "wav.scp", {u: f"{folder}/a.ark:{i}" for i, u in enumerate(languages)})
    write_scp(folder / "utt2num_samples", dict.fromkeys(languages, 100))
    write_scp(folder / "utt2spk", {u: u for u in languages})
    write_scp(folder / "utt2lang", languages)
    if ages:
        write_scp(folder / "utt2age", ages)
    return folder


@pytest.fixture
def dumps(tmp_path: Path) -> list[Path]:
    """Three training sets; `c` has no language and no age."""
    return [
        write_dump(tmp_path / "a", {"a-1": "fra", "a-2": "eng", "a-3": "fra"}, {"a-1": "20", "a-3": "30"}),
        write_dump(tmp_path / "b", {"b-1": "deu", "b-2": "fra"}, {"b-2": "70.5"}),
        write_dump(tmp_path / "c", {"c-1": "und"}),
    ]


def read_values(dump: Path, attribute: str) -> dict[str, float | None]:
    entries = read_scp(dump / f"target_{attribute}.scp")
    return {name: None if entry == "None" else kaldiio.load_mat(entry).item() for name, entry in entries.items()}


def combine(
    out: Path, dumps: list[Path], attribute: str, target: LabelTarget, classes: Path | None = None
) -> LabelSpace:
    """Merge the columns and make targets from them, as in stage 2."""
    combine_dumps(out, dumps, [])
    dump_labels(out, attribute, target, classes)
    return LabelSpace.from_json(json.loads((out / f"target_{attribute}.json").read_text()))


def test_classes_are_merged_by_name_and_their_counts_added(dumps: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "a+b+c"
    assert combine(out, dumps, "lang", LANG) == LabelSpace(kind="class", classes={"deu": 1, "eng": 1, "fra": 3})
    assert read_values(out, "lang") == {"a-1": 2.0, "a-2": 1.0, "a-3": 2.0, "b-1": 0.0, "b-2": 2.0, "c-1": None}
    assert LabelSpace.from_json(json.loads(class_file(out, "lang").read_text())).classes["fra"] == 3


def test_the_scale_of_numbers_is_computed_over_all_dumps(dumps: list[Path], tmp_path: Path) -> None:
    found = combine(tmp_path / "out", dumps, "age", AGE)
    assert (found.mean, found.std) == pytest.approx((np.mean([20, 30, 70.5]), np.std([20, 30, 70.5])))
    values = {"a-1": 20.0, "a-2": None, "a-3": 30.0, "b-1": None, "b-2": 70.5, "c-1": None}
    assert read_values(tmp_path / "out", "age") == values


def test_validation_sets_keep_the_classes_of_training(dumps: list[Path], tmp_path: Path) -> None:
    space = combine(tmp_path / "train", dumps, "lang", LANG)
    dev = [write_dump(tmp_path / f"dev{i}", {f"v{i}-1": "fra"}) for i in range(2)]
    assert combine(tmp_path / "dev", dev, "lang", LANG, class_file(tmp_path / "train", "lang")) == space
    assert read_values(tmp_path / "dev", "lang") == {"v0-1": 2.0, "v1-1": 2.0}
    assert not class_file(tmp_path / "dev", "lang").exists()


def test_columns_that_no_dump_has_anymore_are_removed(dumps: list[Path], tmp_path: Path) -> None:
    combine_dumps(tmp_path / "out", dumps, [])
    assert read_scp(tmp_path / "out" / "utt2age") == {"a-1": "20", "a-3": "30", "b-2": "70.5"}
    for dump in dumps:
        (dump / "utt2age").unlink(missing_ok=True)
    combine_dumps(tmp_path / "out", dumps, [])
    assert not (tmp_path / "out" / "utt2age").exists()
