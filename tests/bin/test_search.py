"""`search build` and `search query` with a tiny model and real files."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_ext.bin import search
from espnet_ext.inference.utt_encoder import UttEncoder
from espnet_ext.model.saved_model import read_description
from espnet_ext.search.query import QueryTerm
from espnet_ext.teachers import Runtime
from espnet_ext.utils.errors import UserError

Run = Callable[..., str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Function that runs the command and returns its output."""

    def run_command(*words: object) -> str:
        monkeypatch.setattr("sys.argv", ["search", *map(str, words)])
        search.main()
        return capsys.readouterr().out

    return run_command


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    """A folder of four recordings; one is longer than a window of the encoder."""
    folder = tmp_path / "my recordings" / "below"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for name, seconds in {"a": 0.4, "b": 1.7, "c": 0.3, "d": 0.5}.items():
        soundfile.write(folder / f"{name}.wav", random.normal(0, 0.1, int(16000 * seconds)), 16000)
    return folder.parent


@pytest.fixture
def index(tmp_path: Path, audio: Path, model_folder: Path, run: Run) -> Path:
    out = run("build", "--model", model_folder, "--index_dir", tmp_path / "index", "--device", "cpu", audio)
    assert f"{tmp_path / 'index'}: 4 recordings; sem, spk" in out
    return tmp_path / "index"


def test_scores_equal_those_of_the_library(index: Path, audio: Path, model_folder: Path, run: Run) -> None:
    paths = [audio / "below" / f"{name}.wav" for name in "abcd"]
    vectors = UttEncoder.from_pretrained(model_folder, "cpu").encode(paths)
    terms = ["--audio", f"sem={paths[1]}", "--audio", f"spk={paths[2]}:-0.5", "--top", 3, "--device", "cpu"]
    answer = json.loads(run("query", "--model", model_folder, "--index_dir", index, *terms, "--json"))
    cosines = np.stack([vectors["sem"] @ vectors["sem"][1], vectors["spk"] @ vectors["spk"][2]], axis=1)
    scores = cosines @ [1.0, -0.5]
    order = np.argsort(-scores)[:3]
    assert answer["query"] == [
        {"attribute": "sem", "like": str(paths[1]), "weight": 1.0},
        {"attribute": "spk", "like": str(paths[2]), "weight": -0.5},
    ]
    assert [hit["recording"] for hit in answer["found"]] == [f"below/{'abcd'[row]}" for row in order]
    assert [hit["audio"] for hit in answer["found"]] == [str(paths[row]) for row in order]
    np.testing.assert_allclose([hit["score"] for hit in answer["found"]], scores[order], atol=1e-5)
    np.testing.assert_allclose([hit["cosines"] for hit in answer["found"]], cosines[order], atol=1e-5)


def test_the_table_shows_rank_score_and_each_term(index: Path, audio: Path, model_folder: Path, run: Run) -> None:
    path = audio / "below" / "d.wav"
    out = run("query", "--model", model_folder, "--index_dir", index, "--audio", f"spk={path}:2")
    legend, empty, *lines = out.splitlines()
    assert (legend, empty) == (f"+2 spk: {path}", "")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == ["recording", "audio", "rank", "score", "+2 spk"]
    assert cells[2] == ["below/d", str(path), "1", "2.000", "1.000"]
    assert len(cells) == 2 + 4


def test_a_text_is_embedded_by_the_teacher_of_the_model(
    index: Path, model_folder: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def embed_text(model: Path, term: QueryTerm, runtime: Runtime) -> QueryTerm:
        asked.append((model, term, runtime))
        return term._replace(attribute="sem", vector=np.eye(8)[0])

    monkeypatch.setattr("espnet_ext.search.model.embed_text", embed_text)
    text = ["--text", "meet at 5:30", "--text_weight", "-0.5", "--teacher_dir", str(tmp_path), "--device", "cpu"]
    answer = json.loads(run("query", "--model", model_folder, "--index_dir", index, *text, "--json"))
    assert answer["query"] == [{"attribute": "sem", "like": "meet at 5:30", "weight": -0.5}]
    assert [round(-0.5 * hit["cosines"][0], 9) for hit in answer["found"]] == [
        round(hit["score"], 9) for hit in answer["found"]
    ]
    ((model, term, runtime),) = asked
    assert (model, term) == (model_folder, QueryTerm(None, "meet at 5:30", -0.5))
    assert (runtime.device, runtime.teacher_dir) == ("cpu", tmp_path)


def test_an_index_is_searched_with_its_own_model(
    index: Path, audio: Path, model_folder: Path, tmp_path: Path, run: Run
) -> None:
    other = tmp_path / "other model"
    other.mkdir()
    (other / "model.safetensors").write_bytes((model_folder / "model.safetensors").read_bytes())
    (other / "model.json").write_text(json.dumps(read_description(model_folder)))  # without indentation
    term = ["--audio", f"sem={audio}/below/a.wav"]
    for words in (["query", *term], ["build", audio]):
        with pytest.raises(UserError, match=r"built with another model \(sha256 of model.json\)"):
            run(*words, "--model", other, "--index_dir", index)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--audio", "lang=x.wav"], "--audio lang=x.wav: expected ATTRIBUTE=FILE.*sem, spk"),
        (["--audio", "sem=gone.wav"], "gone.wav: no such"),
        (["--audio", "x.wav"], "expected ATTRIBUTE=FILE"),
        (["--text", "a", "--text_weight", "0"], "--text_weight: a weight"),
        (["--text", "a", "--text_attribute", "spk"], "'spk' has no text teacher; give --text_attribute of: sem"),
        (["--text_attribute", "sem", "--audio", "sem=x.wav"], "--text_attribute without --text"),
        ([], "an empty query"),
    ],
)
def test_the_error_names_an_invalid_query(index: Path, model_folder: Path, run: Run, words: list, message: str) -> None:
    with pytest.raises(UserError, match=message):
        run("query", "--model", model_folder, "--index_dir", index, *words)


def test_a_query_shows_at_least_one_recording(
    index: Path, model_folder: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run("query", "--model", model_folder, "--index_dir", index, "--text", "a", "--top", "0")
    assert "argument --top: must be at least 1" in capsys.readouterr().err


def test_no_index_is_made_of_an_empty_folder(tmp_path: Path, model_folder: Path, run: Run) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no audio in this folder"):
        run("build", "--model", model_folder, "--index_dir", tmp_path / "index", tmp_path / "empty")
    assert not (tmp_path / "index").exists()


def test_a_dump_directory_is_indexed_by_utterance(
    tmp_path: Path, audio: Path, index: Path, model_folder: Path, run: Run
) -> None:
    from espnet_ext.kaldi.archives import append_to_ark
    from espnet_ext.kaldi.scp import write_scp

    dump = tmp_path / "dump"
    dump.mkdir()
    samples, _ = soundfile.read(audio / "below" / "a.wav")
    with (dump / "a.ark").open("wb") as stream:
        write_scp(dump / "wav.scp", {u: f"{dump}/a.ark:{append_to_ark(stream, u, samples)}" for u in ("u1", "u2")})
    run("build", "--model", model_folder, "--index_dir", index, "--index", "faiss", dump)
    words = ["--audio", f"sem={audio}/below/a.wav", "--json", "--top", 3, "--index", "faiss"]
    answer = json.loads(run("query", "--model", model_folder, "--index_dir", index, *words))
    assert {hit["recording"] for hit in answer["found"]} == {"below/a", "u1", "u2"}
