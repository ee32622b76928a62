"""From embeddings on disk to results.tsv: scored sets, skipped sets, errors."""

from pathlib import Path
from typing import Any

import kaldiio
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_curve

from espnet_ext.evaluation.results import COLUMNS, read_results
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.report.tables import write_markdown
from espnet_ext.scoring.ranks import RETRIEVAL_METRICS, RetrievalMetric
from espnet_ext.utils.errors import UserError

World = Any  # of conftest.py


def select_score(results: pd.DataFrame, **wanted: str) -> float:
    (row,) = [row for _, row in results.iterrows() if all(row[key] == value for key, value in wanted.items())]
    return row["value"]


def replace_vector(scp: Path, utterance: str, vector: np.ndarray | None) -> None:
    """Change one embedding of a system, or remove it."""
    vectors = dict(kaldiio.load_scp(str(scp)).items())
    vectors.pop(utterance) if vector is None else vectors.update({utterance: vector.astype(np.float32)})
    kaldiio.save_ark(str(scp.with_suffix(".ark")), vectors, scp=str(scp))


def test_columns_and_rows_are_those_of_the_declared_rules(world: World) -> None:
    results = read_results(world.score())
    assert tuple(results.columns) == COLUMNS
    scored = set(results[["system", "attribute", "task"]].itertuples(index=False, name=None))
    assert scored == {
        ("teacher", "sem", "retrieval"),
        ("teacher", "spk", "leakage"),
        ("teacher", "spk", "verification"),
        ("joint", "sem", "retrieval"),
        ("joint", "sem", "leakage"),
        ("joint", "spk", "leakage"),
        ("joint", "spk", "verification"),
        ("single", "sem", "retrieval"),
        ("single", "sem", "leakage"),
    }


def test_eer_in_the_table_is_that_of_the_vectors_on_disk(world: World) -> None:
    results = read_results(world.score())
    vectors = kaldiio.load_scp(str(world.root / "embeddings/joint/test_spk/spk.scp"))
    lines = (world.root / "dump/test_spk/trials/unseen").read_text().split("\n")[:-1]
    labels, scores = [], []
    for label, enrol, test in map(str.split, lines):
        labels.append(int(label))
        scores.append(float(vectors[enrol] @ vectors[test]))
    alarms, hits, _ = roc_curve(labels, scores, drop_intermediate=False)
    nearest = np.abs(alarms - (1 - hits)).argmin()
    eer = select_score(results, system="joint", task="verification", metric="EER")
    assert eer == pytest.approx(100 * (alarms[nearest] + 1 - hits[nearest]) / 2, abs=1.0)
    assert 0 < eer < 30


def test_scores_are_written_next_to_the_results(world: World) -> None:
    out = world.score()
    scores = pd.read_csv(out.parent / "scores/joint/spk/test_spk/unseen.tsv", sep="\t")
    lines = (world.root / "dump/test_spk/trials/unseen").read_text().split("\n")[:-1]
    written = [f"{row.label} {row.enrol} {row.test}" for row in scores.itertuples()]
    assert written == lines


def test_the_same_inputs_give_the_same_bytes(world: World) -> None:
    first = world.score().read_bytes()
    assert world.score().read_bytes() == first
    assert world.score("--seed", "1").read_bytes() != first


def test_the_text_teacher_retrieves_its_own_text(world: World) -> None:
    results = read_results(world.score())
    assert select_score(results, system="teacher", protocol="text:mean", metric="R@1", task="retrieval") == 100.0


def test_centering_removes_a_shift_between_languages(world: World) -> None:
    scp = world.root / "embeddings/joint/test_sent/sem.scp"
    shift = 4 * np.random.default_rng(0).standard_normal(world.dim) / world.dim**0.5
    for name in [name for name in world.spoken if name.startswith("vfra")]:
        moved = kaldiio.load_scp(str(scp))[name] + shift
        replace_vector(scp, name, moved / np.linalg.norm(moved))
    results = read_results(world.score())
    wanted = {"system": "joint", "attribute": "sem", "metric": "R@1"}
    plain = select_score(results, protocol="one:mean", **wanted)
    assert select_score(results, protocol="one-centred:mean", **wanted) > plain + 3


def test_the_error_names_a_missing_embedding(world: World) -> None:
    replace_vector(world.root / "embeddings/joint/test_spk/spk.scp", "p01-u03", None)
    with pytest.raises(UserError, match=r"joint, spk.*no embedding of utterance p01-u03"):
        world.score()
    assert not (world.root / "results/results.tsv").exists()


def test_the_error_names_a_nan_embedding(world: World) -> None:
    replace_vector(world.root / "embeddings/joint/test_sent/sem.scp", "vfra-s004", np.full(world.dim, np.nan))
    with pytest.raises(UserError, match=r"joint, sem.*vfra-s004 contains NaN"):
        world.score()


def test_the_error_names_a_missing_embeddings_file(world: World) -> None:
    (world.root / "embeddings/joint/test_spk/spk.scp").unlink()
    with pytest.raises(UserError, match=r"joint/test_spk/spk.scp: no such embeddings"):
        world.score()


def test_the_error_names_a_truncated_ark(world: World) -> None:
    ark = world.root / "embeddings/joint/test_sent/sem.ark"
    ark.write_bytes(ark.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"sem.scp: .*vspa-s011 .* make it again"):
        world.score()


def test_a_system_without_embeddings_is_an_error(world: World) -> None:
    with pytest.raises(UserError, match="nowhere: no <set>/<attribute>.scp"):
        world.score("--system", f"other={world.root}/nowhere")


@pytest.mark.parametrize(
    ("option", "message"),
    [("joint=x", "two systems"), ("noroot", "NAME=EMBEDDINGS_ROOT"), ("../a=x", "a name consists of letters")],
)
def test_a_bad_system_option_is_an_error(world: World, option: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        world.score("--system", option)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 p00-u00 nobody", r"unseen:2: utterance .nobody. is not in"),
        ("2 p00-u00 p00-u01", r"unseen:2: expected .1|0 enrol test."),
        ("1 p00-u00", r"unseen:2: expected"),
    ],
)
def test_the_error_names_the_line_of_a_bad_trial(world: World, line: str, message: str) -> None:
    (world.root / "dump/test_spk/trials/unseen").write_text(f"0 p00-u00 p01-u00\n{line}\n")
    with pytest.raises(UserError, match=message):
        world.score()


def test_a_list_of_one_class_is_an_error(world: World) -> None:
    (world.root / "dump/test_spk/trials/unseen").write_text("1 p00-u00 p00-u01\n")
    with pytest.raises(UserError, match="teacher, spk, test_spk: trials/unseen: the list has no non-target trial"):
        world.score()


def remove_line(path: Path, key: str) -> None:
    write_scp(path, {name: value for name, value in read_scp(path).items() if name != key})


@pytest.mark.parametrize(
    ("part", "file", "utterance"),
    [
        ("test_sent", "target_sem.scp", "vfra-s003"),
        ("test_sent", "target_spk.scp", "veng-s000"),
        ("test_spk", "target_spk.scp", "p07-u04"),
    ],
)
def test_the_error_names_a_missing_line_of_targets(world: World, part: str, file: str, utterance: str) -> None:
    remove_line(world.root / "dump" / part / file, utterance)
    with pytest.raises(UserError, match=f"{part}/{file}: utterance '{utterance}' of utt2spk is missing"):
        world.score()


@pytest.mark.parametrize("file", ["utt2spk", "utt2num_samples", "target_sem.scp"])
def test_the_error_names_a_missing_line_of_an_utterance_with_audio(world: World, file: str) -> None:
    dump = world.root / "dump/test_sent"
    for name in ("wav.scp", "utt2num_samples"):
        write_scp(dump / name, dict.fromkeys(world.spoken, "1"))
    remove_line(dump / file, "vfra-s003")
    with pytest.raises(UserError, match=f"test_sent/{file}: utterance 'vfra-s003' of wav.scp is missing"):
        world.score()


def test_the_error_names_a_text_without_a_target(world: World) -> None:
    dump = world.root / "dump/test_sent"
    write_scp(dump / "text", dict.fromkeys(world.spoken, "words"))
    write_scp(dump / "target_sem.scp", read_scp(dump / "target_sem.scp") | {"vfra-s003": "None"})
    with pytest.raises(UserError, match="target_sem.scp: vfra-s003 has a text in text, but no target; run stage 2"):
        world.score()


def test_with_one_language_only_the_text_protocol_remains(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    langs = world.root / "dump/test_sent/utt2lang"
    langs.write_text(langs.read_text().replace(" fra", " eng").replace(" spa", " eng"))
    results = read_results(world.score())
    retrieval = results[results["task"] == "retrieval"]
    assert {protocol.split(":")[0] for protocol in retrieval["protocol"]} == {"text", "text-centred"}
    assert "all recordings are in eng" in capsys.readouterr().out


def test_one_language_without_text_targets_is_an_error(world: World) -> None:
    langs = world.root / "dump/test_sent/utt2lang"
    langs.write_text(langs.read_text().replace(" fra", " eng").replace(" spa", " eng"))
    (world.root / "dump/test_sent/target_sem.scp").unlink()
    with pytest.raises(UserError, match="all recordings are in eng"):
        world.score()


def test_a_recording_of_a_sentence_without_language_is_an_error(world: World) -> None:
    langs = world.root / "dump/test_sent/utt2lang"
    langs.write_text("\n".join(langs.read_text().splitlines()[1:]) + "\n")
    with pytest.raises(UserError, match="utterance veng-s000 is in utt2sent, but not in utt2lang"):
        world.score()


def test_a_teacher_is_scored_on_its_targets_and_a_line_is_printed(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    scp = world.root / "dump/test_sent/target_sem.scp"
    scp.write_text("\n".join(["veng-s000 None", *scp.read_text().splitlines()[1:]]) + "\n")
    results = read_results(world.score())
    wanted = results[(results["protocol"] == "all:eng-fra") & (results["attribute"] == "sem")].drop_duplicates("system")
    assert wanted.set_index("system")["n"].to_dict() == {"teacher": 11, "joint": 12, "single": 12}
    assert "teacher: 1 of 36 utterances of test_sent have no sem vector; its retrieval is" in capsys.readouterr().out


def test_a_teacher_without_all_targets_is_excluded_from_verification(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    scp = world.root / "dump/test_spk/target_spk.scp"
    lines = scp.read_text().splitlines()
    scp.write_text("\n".join([lines[0].split()[0] + " None", *lines[1:]]) + "\n")
    results = read_results(world.score())
    assert not ((results["system"] == "teacher") & (results["task"] == "verification")).any()
    assert "1 utterances of test_spk have no spk vector, the first p00-u00" in capsys.readouterr().out


def test_a_retrieval_metric_of_another_package_is_in_the_results_and_in_the_tables(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RETRIEVAL_METRICS, "R@12", RetrievalMetric(lambda rank: rank <= 12))
    results = read_results(world.score())
    rows = results[(results["metric"] == "R@12") & (results["protocol"] == "one:mean")]
    # Each language has 12 sentences: all of them are found among 12, also by chance.
    assert set(rows["system"]) == {"teacher", "joint", "single"}
    assert set(rows["value"]) == set(rows["chance"]) == {100.0}
    monkeypatch.delitem(RETRIEVAL_METRICS, "R@12")  # tables are made from results.tsv only
    table = write_markdown(results, "T").split("## Retrieval\n")[1].split("\n## ")[0]
    assert "R@12 |" in table and "100.0 [100.0, 100.0]" in table
