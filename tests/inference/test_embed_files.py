"""The command that embeds many files: names, bad files, interrupted runs, and the size of its output."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_ext.bin import embed as embed_command
from espnet_ext.inference import embed_files
from espnet_ext.inference.embed_files import check_output, write_embeddings
from espnet_ext.inference.utt_encoder import UttEncoder
from espnet_ext.kaldi.scp import read_scp
from espnet_ext.utils.errors import UserError

Run = Callable[..., None]


@pytest.fixture
def run(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def run_command(*words: object) -> None:
        monkeypatch.setattr("sys.argv", ["embed", "--device", "cpu", "--model", str(model_folder), *map(str, words)])
        embed_command.main()

    monkeypatch.setattr(embed_files, "CHUNK_RECORDINGS", 3)
    return run_command


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of recordings of each call of the encoder."""
    counts = []
    plain = UttEncoder.encode_readable

    def encode_readable(self: UttEncoder, audio: list) -> tuple:
        counts.append(len(audio))
        return plain(self, audio)

    monkeypatch.setattr(UttEncoder, "encode_readable", encode_readable)
    return counts


def write_recording(path: Path, seed: int) -> None:
    samples = np.random.default_rng(seed).normal(0, 0.1, 3000 + 100 * seed)
    with path.open("wb") as stream:
        soundfile.write(stream, samples, 16_000, format="FLAC")


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Eight recordings r0 ... r7; r4 is truncated."""
    folder = tmp_path / "r"
    folder.mkdir()
    for index in range(8):
        write_recording(folder / f"r{index}.flac", index)
    content = (folder / "r4.flac").read_bytes()
    (folder / "r4.flac").write_bytes(content[: len(content) // 2])
    return folder


def read_npz(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as content:
        return dict(content)


@pytest.mark.parametrize("name", ["o.npz", "o"])
def test_a_bad_file_is_excluded_and_only_it_is_embedded_after_its_repair(
    run: Run,
    counted: list[int],
    recordings: Path,
    model_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    out = tmp_path / name
    with pytest.raises(UserError, match=rf"1 of 8 recordings cannot be read and are not in .*{name}; once"):
        run("--out", out, "--skip_errors", recordings)
    assert f"  skipped: {recordings}/r4.flac: " in capsys.readouterr().err
    ids = [f"r{index}" for index in range(8)]
    assert ids_of(out) == [identity for identity in ids if identity != "r4"]
    assert counted == [3, 3, 2]
    write_recording(recordings / "r4.flac", 4)
    run("--out", out, recordings)
    assert counted[3:] == [1]
    assert ids_of(out) == ids
    assert not list(tmp_path.rglob("*parts*"))
    run("--out", tmp_path / "straight.npz", recordings)
    expected = UttEncoder.from_pretrained(model_folder, "cpu").encode([recordings / f"{name}.flac" for name in ids])
    found = read_npz(tmp_path / "straight.npz")
    for attribute, vectors in expected.items():
        np.testing.assert_allclose(found[attribute], vectors, atol=1e-5)
        if name == "o.npz":
            np.testing.assert_allclose(read_npz(out)[attribute], vectors, atol=1e-5)


def ids_of(out: Path) -> list[str]:
    return read_npz(out)["ids"].tolist() if out.suffix == ".npz" else list(read_scp(out / "sem.scp"))


def test_embeddings_computed_before_a_bad_file_are_kept(run: Run, counted: list[int], recordings: Path) -> None:
    out = recordings.parent / "o.npz"
    with pytest.raises(UserError, match=r"r4.flac: .*; --skip_errors embeds the other recordings"):
        run("--out", out, recordings)
    assert not out.exists()
    (recordings / "r4.flac").unlink()
    write_recording(recordings / "r1.flac", 9)  # another recording with that name
    next((recordings.parent / "o.npz.parts").glob("*.npz")).write_bytes(b"damaged")
    run("--out", out, recordings)
    assert counted[:2] == [3, 3]
    assert sum(counted[2:]) == 2 + 3  # r6 and r7; r1 and the recordings of the damaged part
    assert len(ids_of(out)) == 7


def test_parts_computed_with_other_options_are_not_reused(run: Run, counted: list[int], recordings: Path) -> None:
    for words in ([], ["--autocast", "bfloat16"], ["--downmix"]):
        with pytest.raises(UserError, match="1 of 8"):
            run("--out", recordings.parent / "o.npz", "--skip_errors", recordings, *words)
    assert counted == [3, 3, 2] * 3


def test_a_missing_file_is_skipped_too(run: Run, tmp_path: Path) -> None:
    write_recording(tmp_path / "a.flac", 0)
    (tmp_path / "wav.scp").write_text(f"a {tmp_path}/a.flac\nb {tmp_path}/gone.flac\n")
    for name in ("spk2utt", "utt2spk"):
        (tmp_path / name).write_text("a a\nb b\n")
    with pytest.raises(UserError, match=r"gone.flac: No such file"):
        run("--out", tmp_path / "o.npz", tmp_path)
    with pytest.raises(UserError, match=r"1 of 2 recordings"):
        run("--out", tmp_path / "o.npz", "--skip_errors", tmp_path)
    assert ids_of(tmp_path / "o.npz") == ["a"]


def test_input_without_any_readable_file_is_an_error(run: Run, recordings: Path) -> None:
    with pytest.raises(UserError, match="none of the 1 recordings can be read: .*r4.flac"):
        run("--out", recordings.parent / "o.npz", "--skip_errors", recordings / "r4.flac")
    assert not (recordings.parent / "o.npz").exists()


NAMES = [os.fsdecode(b"caf\xe9"), "a\u00a0b", "tab\tb", "line\nfeed", "a b", "\x1b[31mred", "a|b"]


def test_an_npz_file_contains_the_exact_names(run: Run, tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    for index, name in enumerate(NAMES):
        write_recording(tmp_path / "r" / f"{name}.flac", index)
    run("--out", tmp_path / "o.npz", tmp_path / "r")
    assert ids_of(tmp_path / "o.npz") == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES[:5])
def test_a_name_that_an_archive_cannot_contain_is_refused_before_the_model_loads(
    run: Run, tmp_path: Path, name: str
) -> None:
    write_recording(tmp_path / f"{name}.flac", 0)
    with pytest.raises(UserError, match=r"cannot write '.*; an npz file may contain any name: --out X.npz"):
        run("--model", "no model", "--out", tmp_path / "o", tmp_path)
    assert not (tmp_path / "o").exists()


def test_an_invalid_output_is_refused_before_the_model_loads(run: Run, tmp_path: Path) -> None:
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "file").touch()
    write_recording(tmp_path / "a.flac", 0)
    for out, message in {"folder.npz": "folder.npz: a folder; name a file", "file": "file: a file; name a"}.items():
        with pytest.raises(UserError, match=message):
            run("--model", "no model", "--out", tmp_path / out, tmp_path / "a.flac")
    with pytest.raises(UserError, match="cannot write"):
        check_output(tmp_path / "a\nfolder", ["a"])


def test_ids_are_a_compressed_plain_string_array(tmp_path: Path) -> None:
    ids = [f"utterance{index}" for index in range(3000)] + ["long" * 200]
    vectors = np.random.default_rng(0).normal(size=(3001, 8)).astype(np.float32)
    write_embeddings(tmp_path / "o.npz", ids, {"sem": vectors})
    assert (tmp_path / "o.npz").stat().st_size < vectors.nbytes + 200_000  # np.savez: 9.6 MB
    content = read_npz(tmp_path / "o.npz")
    assert content["ids"].dtype == "<U800" and content["ids"].tolist() == ids
    np.testing.assert_array_equal(content["sem"], vectors)
    with zipfile.ZipFile(tmp_path / "o.npz") as archive:
        assert archive.testzip() is None and archive.namelist() == ["ids.npy", "sem.npy"]
