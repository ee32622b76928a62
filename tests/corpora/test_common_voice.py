"""Parser of Common Voice: one fixture for each irregularity."""

from pathlib import Path

import numpy as np
import pytest

from espnet_ext.audio.waveform import read_audio
from espnet_ext.corpora.common_voice import list_languages, parse_common_voice, release_folder
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError
from helpers.clips import Clip, tone, tones
from helpers.common_voice_tree import client_id, write_common_voice

CLIPS = {
    "train": tones(["ann", "bob"], ["eng", "swe"], ["s1", "s2"]),
    "dev": tones(["cid"], ["eng"], ["s3"]),
}
LANGUAGES = ("en", "sv-SE")


def parse(root: Path, split: str = "train", languages=LANGUAGES, **options) -> tuple[dict[str, Utterance], Exclusions]:
    """Utterances of some languages by the name of their clip."""
    excluded = Exclusions()
    utterances = [u for code in languages for u in parse_common_voice(root, split, code, excluded, 1, **options)]
    return {utterance.path.stem: utterance for utterance in utterances}, excluded


@pytest.mark.parametrize("columns", ["old", "new"])
@pytest.mark.parametrize("durations", [True, False])
def test_any_release_is_read(tmp_path: Path, columns: str, durations: bool) -> None:
    written = write_common_voice(tmp_path, CLIPS, columns, durations)
    found, excluded = parse(tmp_path)
    assert sorted(found) == sorted(name for name, clip in written.items() if any(clip is c for c in CLIPS["train"]))
    assert excluded.entries == []
    for name, utterance in found.items():
        clip = written[name]
        assert utterance.language == clip.language
        assert utterance.text.removeprefix('"') == clip.text, "quotes are text"
        assert utterance.id == f"{utterance.speaker}-{name}"
        # Milliseconds in the list, samples in the header.
        assert abs(utterance.num_samples - len(clip.samples)) <= (8 if durations else 0)
        samples, rate = read_audio(utterance.path)
        assert (len(samples), rate) == (len(clip.samples), 16000)
        assert np.abs(samples - clip.samples).mean() < 0.02


def test_a_client_is_one_speaker_in_all_languages(tmp_path: Path) -> None:
    written = write_common_voice(tmp_path, CLIPS)
    found, _ = parse(tmp_path)
    speakers = {(written[name].speaker, utterance.speaker) for name, utterance in found.items()}
    assert len(speakers) == 2
    for _, speaker in speakers:
        assert len(speaker) == len("commonvoice-") + 16
    assert client_id("ann") not in {speaker for _, speaker in speakers}


def test_rows_can_end_early_and_labels_have_one_spelling(tmp_path: Path) -> None:
    clips = {"train": tones(["a", "b", "c", "d"], ["eng"], ["s1"])}
    for columns, accent in (("old", "us"), ("new", "United States English,Midwestern")):
        write_common_voice(tmp_path / columns, clips, columns)
        found, _ = parse(tmp_path / columns, languages=["en"])
        labels = [dict(utterance.labels) for utterance in found.values()]
        assert labels[0] == {"age": "twenties", "age_years": "25", "gender": "male", "accent": accent}
        assert labels[1] == {}, "the row ends before the labels"
        assert "text" not in labels[1]
        assert labels[3].get("gender") == ("non-binary" if columns == "new" else None)


def test_short_and_spaceless_sentences_are_kept(tmp_path: Path) -> None:
    texts = {"tha": "สวัสดีครับ", "cmn": "你好", "eng": "Go"}
    clips = [Clip("a", language, "s", text, tone(300)) for language, text in texts.items()]
    write_common_voice(tmp_path, {"train": clips})
    found, _ = parse(tmp_path, languages=list_languages(tmp_path, "train"))
    assert {u.language: u.text.removeprefix('"') for u in found.values()} == texts


def test_a_release_folder_can_be_in_between(tmp_path: Path) -> None:
    write_common_voice(tmp_path / "cv-corpus-19.0-2024-09-13", CLIPS)
    assert list_languages(tmp_path, "train") == ["en", "sv-SE"]
    assert list_languages(tmp_path, "dev") == ["en"]
    assert len(parse(tmp_path)[0]) == 8
    (tmp_path / "cv-corpus-20.0-2024-12-06").mkdir()
    with pytest.raises(UserError, match=r"several releases \(cv-corpus-19\.0-2024-09-13, cv-corpus-20\.0"):
        release_folder(tmp_path)
    with pytest.raises(UserError, match=r"en: not a release of Common Voice: no <language>/dev\.tsv"):
        list_languages(tmp_path / "cv-corpus-19.0-2024-09-13/en", "dev")


def test_missing_and_broken_clips_are_listed_and_too_many_are_an_error(tmp_path: Path) -> None:
    written = write_common_voice(tmp_path, CLIPS, durations=False)
    first, second = sorted(written)[:2]
    (tmp_path / f"en/clips/{first}.mp3").unlink()
    (tmp_path / f"en/clips/{second}.mp3").write_bytes(b"\0" * 2000)
    with pytest.raises(UserError, match=r"en/train\.tsv: 2 of 4 utterances left out, more than 1%"):
        parse(tmp_path)
    found, excluded = parse(tmp_path, max_left_out=1.0)
    assert len(found) == 6
    assert excluded.counts() == {"audio cannot be read": 1, "no audio file": 1}


def test_a_clip_listed_only_with_its_duration_counts_as_missing(tmp_path: Path) -> None:
    written = write_common_voice(tmp_path, CLIPS, durations=True)
    (tmp_path / f"en/clips/{sorted(written)[0]}.mp3").unlink()
    found, excluded = parse(tmp_path, max_left_out=1.0)
    assert len(found) == 7
    assert excluded.counts() == {"no audio file": 1}


@pytest.mark.parametrize("size", [0, 499])
def test_a_clip_that_is_too_small_for_its_listed_duration_is_damaged(tmp_path: Path, size: int) -> None:
    written = write_common_voice(tmp_path, CLIPS, durations=True)  # of 500 ms and more
    (tmp_path / f"en/clips/{sorted(written)[0]}.mp3").write_bytes(bytes(size))
    with pytest.raises(UserError, match=r"en/train\.tsv: 1 of 4 .*1 audio cannot be read; for instance .*mp3\)"):
        parse(tmp_path)
    found, excluded = parse(tmp_path, max_left_out=1.0)
    assert len(found) == 7
    assert excluded.counts() == {"audio cannot be read": 1}


def test_rows_without_client_sentence_or_clip_are_excluded(tmp_path: Path) -> None:
    write_common_voice(tmp_path, CLIPS, "old")
    table = tmp_path / "en/train.tsv"
    header, *rows = table.read_text(encoding="utf-8").splitlines()
    anonymous = rows[0].partition("\t")[2]
    silent = "\t".join(["someone", rows[2].split("\t")[1], " "])
    table.write_text("\n".join([header, f"\t{anonymous}", silent, "someone", rows[0]]) + "\n", encoding="utf-8")
    found, excluded = parse(tmp_path, languages=["en"], max_left_out=1.0)
    first, second = found.values()
    assert first.speaker == first.id == f"commonvoice-{first.path.stem}"
    assert second.text is None
    assert excluded.counts() == {"listed twice": 1, "no name of a clip": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("client_id\tpath\n", r"train\.tsv:1: no column sentence in client_id, path"),
        (None, r"train\.tsv: no such file"),
    ],
)
def test_the_error_names_a_bad_table(tmp_path: Path, content: str | None, message: str) -> None:
    write_common_voice(tmp_path, CLIPS)
    table = tmp_path / "en/train.tsv"
    table.unlink() if content is None else table.write_text(content)
    with pytest.raises(UserError, match=message):
        parse(tmp_path)


def test_the_error_names_a_bad_list_of_durations(tmp_path: Path) -> None:
    write_common_voice(tmp_path, CLIPS)
    (tmp_path / "en/clip_durations.tsv").write_text("clip\tduration[ms]\nx.mp3\t1.5\n")
    with pytest.raises(UserError, match=r"clip_durations\.tsv:2: expected a clip and milliseconds"):
        parse(tmp_path)


def test_line_separators_do_not_end_a_row(tmp_path: Path) -> None:
    clips = [Clip("a", "eng", "s", "One\u2028two\x85three.", tone(300))]
    write_common_voice(tmp_path, {"train": clips})
    found, _ = parse(tmp_path, languages=["en"])
    assert [u.text for u in found.values()] == ['"One two three.']
