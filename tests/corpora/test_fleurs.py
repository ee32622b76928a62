"""Parser of FLEURS: one fixture for each irregularity."""

import gzip
import io
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

from espnet_ext.audio.waveform import read_audio
from espnet_ext.corpora.fleurs import missing_parts, parse_fleurs, read_table
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError
from helpers.clips import Clip, tone, tones
from helpers.fleurs_tree import write_fleurs

CLIPS = {
    "train": tones(["ann", "bob"], ["eng", "fra"], ["s1", "s2"]),
    "dev": tones(["cid"], ["eng", "fra"], ["s3"]),
    "test": tones(["dan"], ["eng"], ["s4", "s5"]),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "fleurs"


def parse(root: Path, split: str = "train", languages: tuple[str, ...] = ("en_us", "fr_fr"), **options) -> tuple:
    excluded = Exclusions()
    utterances = parse_fleurs(root, split, languages, root.parent / "data/fleurs_audio", excluded, 1, **options)
    return {utterance.id: utterance for utterance in utterances}, excluded


def check_against_clips(found: dict[str, Utterance], written: dict[str, Clip]) -> None:
    for name, utterance in found.items():
        clip = written[name]
        assert utterance.speaker == name, "the speakers are unknown"
        assert utterance.language == clip.language
        assert utterance.text.removeprefix('"') == clip.text
        assert utterance.num_samples == len(clip.samples)
        samples, rate = read_audio(utterance.path)
        assert rate == 16000
        np.testing.assert_allclose(samples, clip.samples, atol=1e-6)


def test_every_row_becomes_an_utterance(root: Path) -> None:
    written = write_fleurs(root, CLIPS)
    found, excluded = parse(root)
    assert sorted(found) == sorted(n for n, c in written.items() if any(c is clip for clip in CLIPS["train"]))
    check_against_clips(found, written)
    # The same sentence has one id in all languages, whoever reads it.
    assert {(written[n].sentence, u.sentence) for n, u in found.items()} == {("s1", "fleurs-1"), ("s2", "fleurs-2")}
    assert excluded.counts() == {"not in the table": 2}


def test_any_subset_of_the_languages_can_be_read(root: Path) -> None:
    write_fleurs(root, CLIPS)
    found, _ = parse(root, languages=("fr_fr",))
    assert {utterance.language for utterance in found.values()} == {"fra"}


def test_genders_are_labels_and_an_empty_last_column_is_kept(root: Path) -> None:
    write_fleurs(root, CLIPS)
    found, _ = parse(root, languages=("en_us",))
    assert [utterance.labels for utterance in found.values()] == [
        {"gender": "male"}, {"gender": "female"}, {"gender": "other"}, {}
    ]  # fmt: skip


def test_validation_is_dev(root: Path) -> None:
    written = write_fleurs(root, CLIPS)
    for language in ("en_us", "fr_fr"):
        (root / language / "dev.tsv").rename(root / language / "validation.tsv")
        (root / language / "audio/dev.tar.gz").rename(root / language / "audio/validation.tar.gz")
    assert missing_parts(root, ["en_us", "fr_fr"], "dev") == {}
    found, _ = parse(root, "dev")
    assert len(found) == 2
    check_against_clips(found, written)


def test_a_folder_named_data_can_be_in_between(root: Path) -> None:
    write_fleurs(root / "data", CLIPS)
    found, _ = parse(root, "test", ("en_us",))
    assert len(found) == 2


def test_unpacked_audio_is_used_in_place(root: Path) -> None:
    written = write_fleurs(root, CLIPS)
    archive = root / "en_us/audio/train.tar.gz"
    with tarfile.open(archive) as members:
        members.extractall(archive.with_name("train"), filter="data")
    archive.unlink()
    found, excluded = parse(root, languages=("en_us",))
    check_against_clips(found, written)
    assert all(utterance.path.is_relative_to(root) for utterance in found.values())
    assert excluded.counts() == {"not in the table": 1}


def test_unpacking_is_done_once_and_again_for_another_archive(root: Path) -> None:
    write_fleurs(root, CLIPS)
    found, _ = parse(root)
    stamps = {name: utterance.path.stat().st_mtime_ns for name, utterance in found.items()}
    again, _ = parse(root)
    assert {name: utterance.path.stat().st_mtime_ns for name, utterance in again.items()} == stamps
    other = {"train": tones(["eve"], ["eng", "fra"], ["s1", "s2", "s3"], 0.7)}
    shutil.rmtree(root)
    written = write_fleurs(root, other)
    found, _ = parse(root)
    assert len(found) == 6
    check_against_clips(found, written)


def test_files_unpacked_by_a_killed_run_are_removed(root: Path, tmp_path: Path) -> None:
    write_fleurs(root, CLIPS)
    half = tmp_path / "data/fleurs_audio/en_us/.tmp-x-train"
    half.mkdir(parents=True)
    (half / "1.wav").write_bytes(b"RIFF")
    assert len(parse(root)[0]) == 8
    assert not half.exists()


def test_members_cannot_leave_the_folder(root: Path, tmp_path: Path) -> None:
    written = write_fleurs(root, CLIPS)
    archive = root / "en_us/audio/train.tar.gz"
    with tarfile.open(archive) as members:
        contents = {Path(m.name).name: members.extractfile(m).read() for m in members}
    names = list(contents)
    with tarfile.open(archive, "w:gz") as members:
        for name, content in contents.items():
            prefix = {names[0]: "../../../", names[1]: "/"}.get(name, "train/")
            member = tarfile.TarInfo(prefix + name)
            member.size = len(content)
            members.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        members.addfile(link)
    before = set(tmp_path.rglob("*"))
    found, _ = parse(root, languages=("en_us",))
    check_against_clips(found, written)
    folder = tmp_path / "data/fleurs_audio"
    assert all(path.is_relative_to(folder) or path in folder.parents for path in set(tmp_path.rglob("*")) - before)
    assert not any(path.is_symlink() for path in folder.rglob("*"))


def test_the_error_names_a_truncated_archive_and_no_output_remains(root: Path, tmp_path: Path) -> None:
    write_fleurs(root, CLIPS)
    archive = root / "en_us/audio/train.tar.gz"
    whole = archive.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-4], b"not an archive"):
        archive.write_bytes(damaged)
        with pytest.raises(UserError, match=r"en_us/audio/train\.tar\.gz: not unpacked: .*; fetch it again"):
            parse(root)
        assert not (tmp_path / "data/fleurs_audio/en_us/train").exists()
    archive.write_bytes(gzip.compress(gzip.decompress(whole)))
    assert len(parse(root)[0]) == 8


def test_two_members_with_one_name_are_refused(root: Path) -> None:
    write_fleurs(root, CLIPS)
    archive = root / "en_us/audio/train.tar.gz"
    with tarfile.open(archive) as members:
        first = members.next()
        content = members.extractfile(first).read()
    with tarfile.open(archive, "w:gz") as members:
        for folder in ("a", "b"):
            member = tarfile.TarInfo(f"{folder}/{Path(first.name).name}")
            member.size = len(content)
            members.addfile(member, io.BytesIO(content))
    with pytest.raises(UserError, match=r"train\.tar\.gz: contains two files 1\d+\.wav; fetch it again"):
        parse(root)


def test_rows_without_audio_are_listed_and_too_many_are_an_error(root: Path) -> None:
    write_fleurs(root, CLIPS)
    with open(root / "en_us/train.tsv", "a", encoding="utf-8") as table:
        table.write("7\tabsent.wav\tA.\ta\ta |\t16000\tMALE\n")
    with pytest.raises(UserError, match=r"en_us/train\.tsv: 1 of 5 utterances left out, more than 1%"):
        parse(root)
    found, excluded = parse(root, max_left_out=1.0)
    assert len(found) == 8
    assert excluded.counts() == {"not in the table": 2, "no audio in the archive": 1}
    assert "fleurs-en_us-absent" in {entry.utterance for entry in excluded.entries}


def test_a_row_listed_twice_counts_once(root: Path) -> None:
    write_fleurs(root, CLIPS)
    table = root / "en_us/train.tsv"
    table.write_bytes(table.read_bytes() + table.read_bytes().split(b"\n")[0] + b"\n")
    found, excluded = parse(root, languages=("en_us",), max_left_out=1.0)
    assert len(found) == 4
    assert excluded.counts()["listed twice"] == 1


def test_a_clip_of_under_a_second_is_kept(root: Path) -> None:
    write_fleurs(root, {"test": [Clip("x", "kan", "1956", "ಇದು", tone(300, 0.84))]})
    found, _ = parse(root, "test", ("kn_in",))
    assert [utterance.num_samples for utterance in found.values()] == [13440]


def test_two_ids_with_one_text_remain_two_sentences(root: Path) -> None:
    clips = [Clip("x", "lin", name, "Ezali bongo.", tone(300)) for name in ("s1", "s2")]
    write_fleurs(root, {"test": clips})
    found, _ = parse(root, "test", ("ln_cd",))
    assert {utterance.sentence for utterance in found.values()} == {"fleurs-1", "fleurs-2"}


def test_odd_spaces_and_line_separators_are_spaces(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv"
    text = 'a\u00a0b\u2009c\u3000d\x85e\u2028f  "g'
    path.write_text(f"1\tx.wav\t{text}\tplain\tp |\t16000\tMALE\r\n", encoding="utf-8", newline="")
    assert [row.text for row in read_table(path)] == ['a b c d e f "g']


def test_text_falls_back_to_the_normalized_column(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv"
    path.write_text("1\tx.wav\t \tplain\tp |\t16000\tMALE\n", encoding="utf-8")
    assert [row.text for row in read_table(path)] == ["plain"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"1\tx.wav\tA.\ta\ta |\t16000", r"train\.tsv:2: expected 7 columns, .* found 6"),
        (b"id\tx.wav\tA.\ta\ta |\t16000\tMALE", r"train\.tsv:2: .* start with 'id'"),
        (b"1\tx.wav\t\xff\ta\ta |\t16000\tMALE", r"train\.tsv:2: not UTF-8"),
    ],
)
def test_the_error_names_a_bad_row(tmp_path: Path, line: bytes, message: str) -> None:
    path = tmp_path / "train.tsv"
    path.write_bytes(b"1\tx.wav\tA.\ta\ta |\t16000\tMALE\n" + line + b"\n")
    with pytest.raises(UserError, match=message):
        read_table(path)


def test_the_error_names_missing_parts(root: Path) -> None:
    write_fleurs(root, CLIPS)
    (root / "fr_fr/audio/train.tar.gz").unlink()
    (root / "en_us/train.tsv").unlink()
    assert missing_parts(root, ["de_de", "en_us", "fr_fr"], "train") == {
        "de_de": str(root / "de_de"),
        "en_us": str(root / "en_us/train.tsv"),
        "fr_fr": str(root / "fr_fr/audio/train.tar.gz"),
    }
    with pytest.raises(UserError, match=r"fr_fr/audio: neither train\.tar\.gz nor train/"):
        parse(root, languages=("fr_fr",))
