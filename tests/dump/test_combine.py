"""Several dumps merged: every line once, in order, with the existing targets."""

import json
import tracemalloc
from pathlib import Path

import pytest

from espnet_ext.dump.combine import combine_dumps
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.utils.errors import UserError

JSON = {"teacher": "t", "version": "1", "dim": 8, "normalisation": "l2", "from": "speech", "num_targets": 2}


def write_dump(folder: Path, utterances: list[str], targets: dict[str, list[str]], **description: object) -> Path:
    """A dump of these utterances; attribute (or name of a target file) -> those of them that have it."""
    folder.mkdir()
    write_scp(folder / "wav.scp", {u: f"{folder}/a.ark:{i}" for i, u in enumerate(utterances)})
    write_scp(folder / "utt2num_samples", {u: 100 + i for i, u in enumerate(utterances)})
    write_scp(folder / "utt2lang", dict.fromkeys(utterances, "eng"))
    write_scp(folder / "utt2spk", {u: u[:3] for u in utterances})
    for name, present in targets.items():
        lines = {u: f"{folder}/{name}.ark:1" if u in present else "None" for u in utterances}
        write_scp(folder / f"target_{name}.scp", lines)
        (folder / f"target_{name}.json").write_text(json.dumps(JSON | description))
    return folder


@pytest.fixture
def dumps(tmp_path: Path) -> list[Path]:
    """`b` has no semantic targets; `a` has them averaged, too."""
    first = ["m-1", "m-3", "m-4"]
    return [
        write_dump(tmp_path / "a", first, {"sem": ["m-1", "m-4"], "sem_translations": ["m-1", "m-4"], "spk": first}),
        write_dump(tmp_path / "b", ["a-9", "m-2", "é-1"], {"spk": ["a-9", "m-2", "é-1"]}),
    ]


def test_the_lines_of_all_dumps_are_merged_in_order(dumps: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    counts = combine_dumps(out, dumps, ["sem", "spk"])
    assert counts == {"wav": 6, "target_sem": 2, "target_sem_translations": 2, "target_spk": 6}
    expected = sorted([*read_scp(dumps[0] / "wav.scp"), *read_scp(dumps[1] / "wav.scp")])
    for name in ("wav.scp", "utt2num_samples", "utt2lang", "utt2spk", "target_spk.scp"):
        parts = read_scp(dumps[0] / name) | read_scp(dumps[1] / name)
        assert (out / name).read_text().splitlines() == [f"{u} {parts[u]}" for u in expected], name
    assert read_scp(out / "utt2corpus") == {u: "b" if u in ("a-9", "m-2", "é-1") else "a" for u in expected}


def test_sentences_are_those_of_the_dumps_that_have_them(dumps: list[Path], tmp_path: Path) -> None:
    combine_dumps(tmp_path / "out", dumps, ["spk"])
    assert not (tmp_path / "out" / "utt2sent").exists()
    write_scp(dumps[1] / "utt2sent", {"a-9": "hello", "é-1": "bye"})
    combine_dumps(tmp_path / "out", dumps, ["spk"])
    assert read_scp(tmp_path / "out" / "utt2sent") == {"a-9": "hello", "é-1": "bye"}


def test_a_dump_without_a_target_adds_none(dumps: list[Path], tmp_path: Path) -> None:
    combine_dumps(tmp_path / "out", dumps, ["sem"])
    spec = f"{dumps[0]}/sem.ark:1"
    assert read_scp(tmp_path / "out" / "target_sem.scp") == {
        **{"a-9": "None", "m-1": spec, "m-2": "None"},
        **{"m-3": "None", "m-4": spec, "é-1": "None"},
    }
    description = json.loads((tmp_path / "out" / "target_sem.json").read_text())
    assert (description["dim"], description["num_targets"], description["corpora"]) == (8, 2, ["a"])


def test_without_averaged_targets_those_of_the_teacher_are_used(tmp_path: Path) -> None:
    dumps = [
        write_dump(tmp_path / "a", ["a-1"], {"sem": ["a-1"], "sem_translations": ["a-1"]}),
        write_dump(tmp_path / "b", ["b-1"], {"sem": ["b-1"]}),
    ]
    combine_dumps(tmp_path / "out", dumps, ["sem"])
    found = read_scp(tmp_path / "out" / "target_sem_translations.scp")
    assert found == {"a-1": f"{tmp_path}/a/sem_translations.ark:1", "b-1": f"{tmp_path}/b/sem.ark:1"}


def test_repeated_runs_give_the_same_bytes_and_an_error_leaves_no_wav_scp(dumps: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    combine_dumps(out, dumps, ["sem", "spk"])
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    combine_dumps(out, dumps, ["sem", "spk"])
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    (dumps[1] / "utt2spk").unlink()
    with pytest.raises(UserError, match="b/utt2spk: no such file"):
        combine_dumps(out, dumps, ["sem", "spk"])
    assert not (out / "wav.scp").exists()


def test_the_error_names_an_utterance_in_two_dumps(tmp_path: Path) -> None:
    dumps = [write_dump(tmp_path / name, ["a-1", "b-1"], {"spk": []}) for name in ("a", "b")]
    with pytest.raises(UserError, match="utterance 'a-1' is in two of .*/a .*/b; rename one"):
        combine_dumps(tmp_path / "out", dumps, ["spk"])


@pytest.mark.parametrize(("key", "value"), [("dim", 6), ("teacher", "other"), ("version", "2")])
def test_targets_of_two_teachers_are_refused(tmp_path: Path, key: str, value: object) -> None:
    dumps = [
        write_dump(tmp_path / "a", ["a-1"], {"spk": ["a-1"]}),
        write_dump(tmp_path / "b", ["b-1"], {"spk": ["b-1"]}, **{key: value}),
    ]
    with pytest.raises(UserError, match=f"b/target_spk.json: {key} {value!r}, but .* in .*a/target_spk.json"):
        combine_dumps(tmp_path / "out", dumps, ["spk"])


def test_a_dump_without_any_target_can_be_merged_with_any(tmp_path: Path) -> None:
    """Its teacher was not loaded, so its version is unknown."""
    a = write_dump(tmp_path / "a", ["a1"], {"sem": ["None"]}, version=None, num_targets=0)
    b = write_dump(tmp_path / "b", ["b1"], {"sem": ["ark:1"]})
    combine_dumps(tmp_path / "out", [a, b], ["sem"])
    assert json.loads((tmp_path / "out/target_sem.json").read_text())["version"] == "1"


def test_the_error_names_a_file_of_other_utterances(dumps: list[Path], tmp_path: Path) -> None:
    write_scp(dumps[0] / "target_spk.scp", {"m-1": "None", "m-4": "None"})
    with pytest.raises(UserError, match="a/target_spk.scp: m-3 is missing"):
        combine_dumps(tmp_path / "out", dumps, ["spk"])
    write_scp(dumps[0] / "target_spk.scp", dict.fromkeys(["m-1", "m-3", "m-4", "m-5"], "None"))
    with pytest.raises(UserError, match="a/target_spk.scp: m-5 is not in wav.scp; run stage 2 again"):
        combine_dumps(tmp_path / "out", dumps, ["spk"])


def test_the_error_names_a_file_missing_in_all_dumps(dumps: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="target_emo.scp is in none of .*; run stage 2 first"):
        combine_dumps(tmp_path / "out", dumps, ["emo"])
    with pytest.raises(UserError, match="--dumps: two folders have the same name"):
        combine_dumps(tmp_path / "out", [dumps[0], dumps[0]], ["spk"])
    with pytest.raises(UserError, match="--out .*b is one of --dumps"):
        combine_dumps(dumps[1], dumps, ["spk"])
    (dumps[1] / "wav.scp").unlink()
    with pytest.raises(UserError, match="b/wav.scp: no such file; run stage 2"):
        combine_dumps(tmp_path / "out", dumps, ["spk"])


def test_memory_does_not_grow_with_the_utterances(tmp_path: Path) -> None:
    peaks = []
    for count in (500, 20_000):
        utterances = [f"u-{index:06}" for index in range(count)]
        dump = write_dump(tmp_path / f"d{count}", utterances, {"spk": []})
        tracemalloc.start()
        combine_dumps(tmp_path / f"out{count}", [dump], ["spk"])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0]
