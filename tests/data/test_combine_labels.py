"""Labels of several dumps as those of one: classes by name, counts and scales over all."""

import json
from pathlib import Path

import kaldiio
import numpy as np
import pytest

from espnet_ext.config.attributes import LabelTarget
from espnet_ext.config.labels import LabelSpace
from espnet_ext.data.combine import combine_dumps
from espnet_ext.dump.label_targets import class_file, dump_labels
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.utils.errors import UserError

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
    """Three training sets: `c` knows no language and no age."""
    dumps = [
        write_dump(tmp_path / "a", {"a-1": "fra", "a-2": "eng", "a-3": "fra"}, {"a-1": "20", "a-3": "30"}),
        write_dump(tmp_path / "b", {"b-1": "deu", "b-2": "fra"}, {"b-2": "70.5"}),
        write_dump(tmp_path / "c", {"c-1": "und"}),
    ]
    for dump in dumps:
        dump_labels(dump, "lang", LANG)
        dump_labels(dump, "age", AGE)
    return dumps


def values_of(dump: Path, attribute: str) -> dict[str, float | None]:
    entries = read_scp(dump / f"target_{attribute}.scp")
    return {name: None if entry == "None" else kaldiio.load_mat(entry).item() for name, entry in entries.items()}


def space_of(path: Path) -> LabelSpace:
    return LabelSpace.from_json(json.loads(path.read_text()))


def test_classes_are_merged_by_name_and_their_counts_added(dumps: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "a+b+c"
    counts = combine_dumps(out, dumps, ["lang"])
    assert counts == {"wav": 6, "target_lang": 5}
    expected = {"a-1": 2.0, "a-2": 1.0, "a-3": 2.0, "b-1": 0.0, "b-2": 2.0, "c-1": None}
    assert values_of(out, "lang") == expected
    assert space_of(out / "target_lang.json") == LabelSpace(kind="class", classes={"deu": 1, "eng": 1, "fra": 3})
    assert space_of(class_file(out, "lang")) == space_of(out / "target_lang.json")
    # What a dump has of its own stays as it was.
    assert values_of(dumps[0], "lang")["a-1"] == 1.0


def test_equal_classes_keep_their_archives(dumps: list[Path], tmp_path: Path) -> None:
    again = write_dump(tmp_path / "d", {"d-1": "fra", "d-2": "eng"})
    dump_labels(again, "lang", LANG)
    combine_dumps(tmp_path / "out", [dumps[0], again], ["lang"])
    found = read_scp(tmp_path / "out" / "target_lang.scp")
    assert found == read_scp(dumps[0] / "target_lang.scp") | read_scp(again / "target_lang.scp")
    assert space_of(tmp_path / "out" / "target_lang.json").classes == {"eng": 2, "fra": 3}


def test_the_scale_of_numbers_is_that_of_all(dumps: list[Path], tmp_path: Path) -> None:
    combine_dumps(tmp_path / "out", dumps, ["age"])
    found = space_of(tmp_path / "out" / "target_age.json")
    assert (found.mean, found.std) == pytest.approx((np.mean([20, 30, 70.5]), np.std([20, 30, 70.5])))
    assert values_of(tmp_path / "out", "age")["b-2"] == 70.5


def test_validation_sets_keep_the_classes_of_training(dumps: list[Path], tmp_path: Path) -> None:
    combine_dumps(tmp_path / "train", dumps, ["lang"])
    dev = [write_dump(tmp_path / f"dev{i}", {f"v{i}-1": "fra"}) for i in range(2)]
    for dump in dev:
        dump_labels(dump, "lang", LANG, class_file(tmp_path / "train", "lang"))
    combine_dumps(tmp_path / "dev", dev, ["lang"])
    assert values_of(tmp_path / "dev", "lang") == {"v0-1": 2.0, "v1-1": 2.0}
    assert space_of(tmp_path / "dev/target_lang.json") == space_of(tmp_path / "train/target_lang.json")
    assert not class_file(tmp_path / "dev", "lang").exists()
    dump_labels(dev[1], "lang", LANG, class_file(dumps[0], "lang"))
    with pytest.raises(UserError, match="dev1/target_lang.json: other classes, or another scale, than in .*dev0"):
        combine_dumps(tmp_path / "dev", dev, ["lang"])


def test_targets_of_other_labels_or_of_a_teacher_are_refused(dumps: list[Path], tmp_path: Path) -> None:
    dump_labels(dumps[1], "lang", LabelTarget(labels="utt2accent"))
    with pytest.raises(UserError, match="b/target_lang.json: labels 'utt2accent', but 'utt2lang' in .*a: dump both"):
        combine_dumps(tmp_path / "out", dumps, ["lang"])
    (dumps[1] / "target_lang.json").write_text('{"teacher": "usem", "dim": 1}')
    with pytest.raises(UserError, match="b/target_lang.json: labels None, but 'utt2lang'"):
        combine_dumps(tmp_path / "out", dumps, ["lang"])
