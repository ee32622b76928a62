"""Stage 1 of egs/fleurs_voxceleb with data that is missing, wrong or in two sets."""

import shutil
from functools import partial
from pathlib import Path

import pytest

from espnet_ext.bin.entry import run_main
from espnet_ext.bin.prepare_data import prepare_data
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.utils.errors import UserError
from fleurs_voxceleb_sets import RECIPE
from helpers.clips import tones
from helpers.corpora_tree import prepare, tiny_options
from helpers.fleurs_tree import write_fleurs
from helpers.voxceleb_tree import write_voxceleb2
from helpers.voxpopuli_tree import write_voxpopuli


def test_clips_are_counted_against_their_release(corpora: dict[str, Path], tmp_path: Path) -> None:
    release = "cv-corpus-19.0-2024-09-13"
    (tmp_path / "cv").mkdir()
    (tmp_path / "cv" / release).symlink_to(corpora["commonvoice"])
    given = {"commonvoice": tmp_path / "cv"}
    lines = list(prepare(tiny_options(given), tmp_path / "data"))
    assert f"  note: Common Voice {release} en train: clips: 5 here, 1,116,566 published (-1,116,561)" in lines
    assert any("Common Voice train: 129 of its languages are not here: ab, af, " in line for line in lines)
    lines = list(prepare(tiny_options(given, commonvoice_languages=("en",)), tmp_path / "data"))
    assert not any("languages are not here" in line for line in lines)
    message = "incomplete corpus: .* en dev: clips: 1 here, 16,396 .*--allow_incomplete true"
    with pytest.raises(UserError, match=message):
        list(prepare(tiny_options(given, allow_incomplete=False), tmp_path / "data"))


def test_a_corpus_without_a_path_is_skipped_with_a_line(corpora: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "mtedx_test").mkdir()  # of an earlier run
    lines = list(prepare(tiny_options({"fleurs": corpora["fleurs"]}), tmp_path))
    assert "--mtedx not given: no speech-to-text retrieval on mTEDx (mtedx_test left out)" in lines
    assert sum("not given" in line for line in lines) == 6
    rows = dict(line.split("\t") for line in (tmp_path / "not_prepared.tsv").read_text().splitlines())
    assert sorted(rows) == sorted(
        one.name for entry in RECIPE.corpora if entry.corpus.option != "fleurs" for one in entry.sets
    )
    assert rows["voxceleb1_eh"] == "--voxceleb1 not given"
    assert not (tmp_path / "mtedx_test").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "fleurs_audio", "fleurs_dev", "fleurs_test", "fleurs_train", "not_prepared.tsv"
    ]  # fmt: skip


def test_no_corpus_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no corpus given; name the folder of at least one: --fleurs"):
        list(prepare(RECIPE.make_options(), tmp_path))


def test_the_error_names_missing_data_unless_an_option_skips_it(corpora: dict[str, Path], tmp_path: Path) -> None:
    fleurs = tmp_path / "fleurs"
    shutil.copytree(corpora["fleurs"], fleurs)
    (fleurs / "fr_fr/audio/train.tar.gz").unlink()
    given = tiny_options({"fleurs": fleurs}, languages=("en_us", "fr_fr", "ta_in"), allow_incomplete=False)
    with pytest.raises(UserError, match=r"lacks .*fr_fr/audio/train\.tar\.gz, .*/ta_in; .*--allow_incomplete true"):
        list(prepare(given, tmp_path / "data"))
    with pytest.raises(UserError, match="FLEURS en_us test: recordings: 2 here, 647 published"):
        list(prepare(tiny_options({"fleurs": corpora["fleurs"]}, allow_incomplete=False), tmp_path / "data"))
    lines = list(prepare(tiny_options({"fleurs": fleurs}, languages=("en_us", "fr_fr", "ta_in")), tmp_path / "data"))
    assert any("note: FLEURS train of fr_fr is not there: " in line for line in lines)
    assert set(DataDir(tmp_path / "data/fleurs_train").utt2lang.values()) == {"eng"}
    assert set(DataDir(tmp_path / "data/fleurs_test").utt2lang.values()) == {"eng", "fra"}


def test_voxceleb1_can_lack_its_dev_part_or_lists(corpora: dict[str, Path], tmp_path: Path) -> None:
    vox = tmp_path / "vox"
    shutil.copytree(corpora["voxceleb1"], vox)
    for folder in (vox / "wav").glob("id100*"):
        shutil.rmtree(folder)
    lines = list(prepare(tiny_options({"voxceleb1": vox}), tmp_path / "data"))
    assert any(
        line.startswith("voxceleb1_eh: not prepared: ") and "no folder of a dev speaker" in line for line in lines
    )
    for path in vox.glob("list_test_*"):
        path.unlink()
    list(prepare(tiny_options({"voxceleb1": vox}), tmp_path / "data"))
    rows = dict(line.split("\t") for line in (tmp_path / "data/not_prepared.tsv").read_text().splitlines())
    assert rows["voxceleb1_eh"].startswith("neither list_test_all2.txt nor list_test_hard2.txt in ")
    assert "voxceleb1_o" not in rows
    (vox / "veri_test2.txt").unlink()
    with pytest.raises(
        UserError, match=r"incomplete corpus: the trial list .*veri_test2\.txt; .*--allow_incomplete true"
    ):
        list(prepare(tiny_options({"voxceleb1": vox}, allow_incomplete=False), tmp_path / "data"))


def test_a_set_without_any_remaining_utterance_keeps_its_list(corpora: dict[str, Path], tmp_path: Path) -> None:
    mtedx, data = tmp_path / "mtedx", tmp_path / "data"
    shutil.copytree(corpora["mtedx"], mtedx)
    audio = next(mtedx.rglob("*.flac"))
    content = audio.read_bytes()
    audio.write_bytes(b"damaged")
    lines = list(prepare(tiny_options({"mtedx": mtedx}), data))
    table = data / "mtedx_test.excluded.tsv"
    reason = f"no utterances, 2 left out: 2 audio cannot be read (listed in {table})"
    assert f"mtedx_test: not prepared: {reason}" in lines
    assert f"mtedx_test\t{reason}" in (data / "not_prepared.tsv").read_text().splitlines()
    assert [line.split("\t")[1:] for line in table.read_text().splitlines()[1:]] == [
        [str(audio), "audio cannot be read"]
    ] * 2
    audio.write_bytes(content)
    list(prepare(tiny_options({"mtedx": mtedx}), data))
    assert (data / "mtedx_test/wav.scp").exists() and not table.exists()


def test_ids_repeated_across_languages_are_reported(tmp_path: Path) -> None:
    clips = {"train": tones(["28300"], ["eng"], ["a"]), "test": tones(["28300"], ["fra"], ["b"])}
    write_voxpopuli(tmp_path / "voxpopuli", clips)
    lines = list(prepare(tiny_options({"voxpopuli": tmp_path / "voxpopuli"}), tmp_path / "data"))
    [line] = [line for line in lines if "28300" in line]
    assert line.startswith(
        "  note: VoxPopuli: 1 speaker ids recur across languages and are taken as different speakers"
    )


def test_a_trial_list_is_never_shortened(corpora: dict[str, Path], tmp_path: Path) -> None:
    vox = tmp_path / "vox"
    shutil.copytree(corpora["voxceleb1"], vox)
    next((vox / "wav/id10270").rglob("*.wav")).unlink()
    with pytest.raises(UserError, match=r"veri_test2\.txt:1: utterance 'voxceleb1-id10270-.*' is not in VoxCeleb 1"):
        list(prepare(tiny_options({"voxceleb1": vox}, allow_incomplete=False), tmp_path / "data"))
    lines = list(prepare(tiny_options({"voxceleb1": vox}), tmp_path / "data"))
    assert any(line.startswith("voxceleb1_o: not prepared: ") and "veri_test2.txt:1" in line for line in lines)


def test_an_overlap_of_training_and_evaluation_is_listed(tmp_path: Path) -> None:
    clips = tones(["ann"], ["eng"], ["s1", "s2"])
    for clip, text in zip(clips, ("One.", "Two."), strict=True):
        clips[clips.index(clip)] = clip._replace(text=text)
    leaked = [clip._replace(text=f"Other {n}.") for n, clip in enumerate(clips)]
    write_fleurs(tmp_path / "fleurs", {"train": clips, "dev": tones(["cid"], ["eng"], ["s3"]), "test": leaked})
    given = tiny_options({"fleurs": tmp_path / "fleurs"}, languages=("en_us",))
    with pytest.raises(UserError, match=r"overlaps with .*fleurs_train in 2 places: .*sentence 'fleurs-1'.*'fleurs-2'"):
        list(prepare(given, tmp_path / "data"))


def test_options_are_checked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--languages: FLEURS has no xx_yy; its languages: af_za am_et"):
        RECIPE.make_options(languages=("en_us", "xx_yy"))
    with pytest.raises(UserError, match="--mtedx_pairs is empty; give pairs such as it-en"):
        RECIPE.make_options(mtedx_pairs=())
    with pytest.raises(UserError, match=r"--mtedx .*absent: no such folder"):
        RECIPE.make_options(mtedx=tmp_path / "absent")
    with pytest.raises(UserError, match="--num_valid_speakers 5: VoxCeleb 2 has 6 speakers here"):
        write_voxceleb2(tmp_path, tones([f"s{n}" for n in range(6)], ["eng"], ["a"]))
        list(
            prepare(
                RECIPE.make_options(voxceleb2=tmp_path, num_valid_speakers=5, allow_incomplete=True),
                tmp_path / "data",
            )
        )


def test_the_command_prepares_the_sets(
    corpora: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    command = ["prepare", "--data", str(tmp_path), "--fleurs", str(corpora["fleurs"]), "--languages", "en_us fr_fr"]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit, match="1"):
        run_main(partial(prepare_data, RECIPE))
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: incomplete corpus: FLEURS en_us test: recordings: 2 here, 647 published (-645); ")
    monkeypatch.setattr("sys.argv", [*command, "--allow_incomplete", "true", "--nj", "1"])
    with pytest.raises(SystemExit, match="0"):
        run_main(partial(prepare_data, RECIPE))
    assert f"{tmp_path / 'fleurs_train'}: 8 utterances" in capsys.readouterr().out
