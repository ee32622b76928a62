"""Synthetic speech: assignment of voices to lines, and reproducible bytes."""

import shutil
from pathlib import Path

import pytest

import synthetic
from espnet_ext.audio.waveform import read_audio
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError
from synthetic import VARIANTS, Line, synthesize

LINES = [
    Line("eng", "Good morning.", "morning"),
    Line("spa", "Buenos días.", "morning"),
    Line("rus", "Доброе утро.", "morning"),
    Line("ita", "Arrivederci.", "digits/bye"),
]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "SHARD_SIZE", 3)


def contents(utterances: list[Utterance]) -> dict[str, bytes]:
    return {utterance.id: utterance.path.read_bytes() for utterance in utterances}


def test_every_line_is_spoken_by_different_voices(tmp_path: Path) -> None:
    utterances = synthesize(LINES, 2, tmp_path / "a b", 2, Exclusions())
    assert len(utterances) == 8
    assert len({u.id for u in utterances}) == 8
    for utterance in utterances:
        _, language, variant = utterance.speaker.split("-")
        assert language == utterance.language
        assert variant in VARIANTS
        assert utterance.id.startswith(f"{utterance.speaker}-")
        assert utterance.source == "synthetic"
        assert "/" not in utterance.id
        samples, rate = read_audio(utterance.path)
        assert rate == 16000
        assert len(samples) == utterance.num_samples
        assert samples.std() > 0.01
    said = {(u.language, u.text, u.sentence) for u in utterances}
    assert said == {tuple(line) for line in LINES}


def test_another_run_gives_the_same_bytes(tmp_path: Path) -> None:
    one = contents(synthesize(LINES, 2, tmp_path / "one", 1, Exclusions()))
    assert contents(synthesize(LINES, 2, tmp_path / "two", 2, Exclusions())) == one
    # A killed run: one shard is missing, another half-written.
    shards = sorted((tmp_path / "two").iterdir())
    shutil.rmtree(shards[1])
    (tmp_path / "two/.tmp-half").mkdir()
    stamp = shards[0].stat().st_mtime_ns
    assert contents(synthesize(LINES, 2, tmp_path / "two", 2, Exclusions())) == one
    assert sorted((tmp_path / "two").iterdir()) == shards
    assert shards[0].stat().st_mtime_ns == stamp


def test_further_lines_do_not_change_the_voices_of_the_others(tmp_path: Path) -> None:
    few = {u.id for u in synthesize(LINES[:2], 2, tmp_path / "one", 1, Exclusions())}
    many = {u.id for u in synthesize(LINES, 3, tmp_path / "two", 1, Exclusions())}
    assert few < many


def test_a_line_without_sound_is_excluded(tmp_path: Path) -> None:
    excluded = Exclusions()
    lines = [Line("eng", "...", "dots"), LINES[0]]
    utterances = synthesize(lines, 1, tmp_path, 1, excluded)
    assert [u.sentence for u in utterances] == ["morning"]
    assert excluded.counts() == {"synthesised in less than 0.2 s": 1}


def test_the_error_names_an_unknown_voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(synthetic.LANGUAGES, "eng", "no-such-language")
    with pytest.raises(UserError, match=r"espeak-ng has no voice 'no-such-language\+"):
        synthesize(LINES[:1], 1, tmp_path, 1, Exclusions())
    assert not [path for path in tmp_path.iterdir() if not path.name.startswith(".tmp")]
