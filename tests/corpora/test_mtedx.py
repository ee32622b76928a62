"""mTEDx: segments of talks with their translations, and errors of lists, texts and audio."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_ext.audio.waveform import read_source
from espnet_ext.corpora.mtedx import parse_mtedx
from espnet_ext.corpora.mtedx_yaml import TalkSegment, read_talk_segments
from espnet_ext.corpora.published import num_on_disk
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import write_utterances
from espnet_ext.kaldi.validate import validate_data_dir
from espnet_ext.utils.errors import UserError
from helpers.clips import Clip, tones, write_audio
from helpers.mtedx_tree import write_mtedx

# A talk's name is the id of a film: it may start with "-" and hold several.
CLIPS = {
    "valid": tones(["Qv1"], ["ita"], ["v"]),
    "test": tones(["-0X_a-b", "1e5"], ["ita", "spa"], ["a", "b", "c"]),
}
TRANSLATIONS = {"a": "Good morning.", "b": "Thank you.", "c": "Thank you!", "v": "Bye."}


@pytest.fixture
def tree(tmp_path: Path) -> tuple[Path, dict[str, Clip]]:
    """Root, and clips by utterance."""
    return tmp_path / "mtedx", write_mtedx(tmp_path / "mtedx", CLIPS, TRANSLATIONS)


def test_every_segment_has_its_audio_text_and_translation(tree: tuple[Path, dict[str, Clip]], tmp_path: Path) -> None:
    root, clips = tree
    utterances = parse_mtedx(root, "it-en", "test", Exclusions())
    write_utterances(tmp_path / "data", utterances)
    validate_data_dir(tmp_path / "data")
    data = DataDir(tmp_path / "data")
    italian = {name: clip for name, clip in clips.items() if clip.language == "ita" and clip.sentence != "v"}
    assert data.utterances == sorted(italian)
    assert list(data.wav_scp) == ["mtedx--0X_a-b_it", "mtedx-1e5_it"]
    for name, clip in italian.items():
        assert data.utt2spk[name] == f"mtedx-{clip.speaker}_it"
        assert data.utt2lang[name] == "ita"
        assert data.text[name] == clip.text
        assert data.read("text.eng")[name] == TRANSLATIONS[clip.sentence]
        samples, rate = read_source(data.sources()[name])
        assert rate == 16000 and len(samples) - len(clip.samples) < 400
        np.testing.assert_allclose(samples[: len(clip.samples)], clip.samples, atol=1e-4)


def test_segments_are_sorted_by_talk_and_time(tree: tuple[Path, dict[str, Clip]]) -> None:
    utterances = parse_mtedx(tree[0], "it-en", "test", Exclusions())
    order = [(utterance.recording, utterance.spans[0][0]) for utterance in utterances]
    assert order == sorted(order) and len(set(order)) == 6


def test_the_same_translation_is_the_same_sentence(tree: tuple[Path, dict[str, Clip]]) -> None:
    utterances = parse_mtedx(tree[0], "it-en", "test", Exclusions())
    sentences: dict[str, set[str]] = {}
    for utterance in utterances:
        sentences.setdefault(utterance.sentence, set()).add(utterance.translations["eng"])
    assert sorted(map(sorted, sentences.values())) == [["Good morning."], ["Thank you!", "Thank you."]]


def test_the_parts_are_distinguished(tree: tuple[Path, dict[str, Clip]]) -> None:
    assert [utterance.text for utterance in parse_mtedx(tree[0], "it-en", "valid", Exclusions())] == [
        "Sentence v in ita."
    ]
    assert {utterance.language for utterance in parse_mtedx(tree[0], "es-en", "test", Exclusions())} == {"spa"}
    with pytest.raises(UserError, match="es-en/data/valid: no such part of mTEDx; there are es-en/data/test, it-en/"):
        parse_mtedx(tree[0], "es-en", "valid", Exclusions())


def test_a_speaker_can_have_another_name_than_the_talk(tree: tuple[Path, dict[str, Clip]]) -> None:
    change(tree[0] / "it-en/data/valid/txt/valid.yaml", lambda text: text.replace("id: Qv1_it", "id: A Speaker"))
    (utterance,) = parse_mtedx(tree[0], "it-en", "valid", Exclusions())
    assert utterance.speaker == "mtedx-A_Speaker"
    assert utterance.id.startswith("mtedx-A_Speaker-Qv1_it-0000250-")


def test_data_for_recognition_has_no_translations(tree: tuple[Path, dict[str, Clip]]) -> None:
    root, _ = tree
    (root / "it-en").rename(root / "it-it")
    utterances = parse_mtedx(root, "it-it", "test", Exclusions())
    assert len(utterances) == 6
    assert all(not utterance.translations for utterance in utterances)
    assert len({utterance.sentence for utterance in utterances}) == 3  # one a text


def change(path: Path, edit: Callable[[str], str]) -> None:
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")


def test_the_error_of_lists_of_different_length_contains_both_counts(tree: tuple[Path, dict[str, Clip]]) -> None:
    root, _ = tree
    change(root / "it-en/data/test/txt/test.en", lambda text: text.split("\n", 1)[1])
    with pytest.raises(UserError, match=r"test/txt/test\.en: 5 lines for the 6 segments of .*test/txt/test\.yaml"):
        parse_mtedx(root, "it-en", "test", Exclusions())


@pytest.mark.parametrize("name", ["test.yaml", "test.it", "test.en"])
def test_the_error_names_a_missing_file(tree: tuple[Path, dict[str, Clip]], name: str) -> None:
    path = tree[0] / "it-en/data/test/txt" / name
    path.unlink()
    with pytest.raises(UserError, match=f"txt/{name}: no such"):
        parse_mtedx(tree[0], "it-en", "test", Exclusions())


def test_unusable_segments_are_excluded_with_their_reason(tree: tuple[Path, dict[str, Clip]]) -> None:
    root, _ = tree
    txt = root / "it-en/data/test/txt"
    times = {"beyond": (99, 1), "empty": (0.1, 0), "early": (-1, 2), "twice": (0.1, 0.3), "again": (0.1, 0.3)}
    rows = [f"- {{duration: {d}, offset: {o}, speaker_id: 1e5_it, wav: 1e5_it.wav}}\n" for o, d in times.values()]
    rows.append("- {duration: 1.0, offset: 0.0, speaker_id: gone, wav: gone.wav}\n")
    rows.append("- {duration: 0.2, offset: 0.0, speaker_id: 1e5_it, wav: 1e5_it.wav}\n")
    change(txt / "test.yaml", lambda text: text + "".join(rows))
    for language in ("it", "en"):
        change(txt / f"test.{language}", lambda text: text + "x\n" * 6 + "\n")
    excluded = Exclusions()
    with pytest.raises(UserError, match=r"test/wav: 3 of 13 utterances left out, more than 1%"):
        parse_mtedx(root, "it-en", "test", Exclusions())
    assert len(parse_mtedx(root, "it-en", "test", excluded, max_left_out=1.0)) == 7
    assert excluded.counts() == {
        "times outside its recording": 2,
        "no audio file": 1,
        "no transcript": 1,
        "of no duration": 1,
        "same times as another segment": 1,
    }


def test_a_truncated_talk_counts_as_missing_audio(tree: tuple[Path, dict[str, Clip]]) -> None:
    talk = tree[0] / "it-en/data/test/wav/1e5_it.flac"
    samples, rate = soundfile.read(talk, dtype="float32")
    write_audio(talk, samples[: len(samples) // 3])
    with pytest.raises(
        UserError, match=rf"2 of 6 .* 2 times outside its recording; for instance {talk}\); .*--allow_in"
    ):
        parse_mtedx(tree[0], "it-en", "test", Exclusions())
    excluded = Exclusions()
    assert len(parse_mtedx(tree[0], "it-en", "test", excluded, max_left_out=1.0)) == num_on_disk(4, excluded) == 4


def test_an_error_is_raised_if_all_talks_are_missing(tree: tuple[Path, dict[str, Clip]]) -> None:
    for path in (tree[0] / "it-en/data/test/wav").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="test/wav: 6 of 6 utterances left out"):
        parse_mtedx(tree[0], "it-en", "test", Exclusions())


PLAIN = "- {duration: 3.100000, offset: 12.340000, rW: 7, speaker_id: 0123, uW: 0, wav: -a_B.wav}\n"


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        "- duration: 3.100000\n  offset: 12.340000\n  speaker_id: '0123'\n  wav: -a_B.wav\n",
        '# list\n- {duration: 3.100000, offset: "12.34", speaker_id: 0123,\n   wav: -a_B.wav}\n',
    ],
)
def test_a_list_can_use_any_yaml_notation(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    assert read_talk_segments(tmp_path / "a.yaml") == [TalkSegment("-a_B", "0123", 12.34, 3.1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {wav: a.wav, offset: 1, duration: 2}\n", "a.yaml: item 1: no 'speaker_id' in"),
        (PLAIN + "- {wav: a.wav, speaker_id: s, offset: x, duration: 2}\n", "a.yaml: item 2: offset 'x', duration '2'"),
        ("- {wav: a.wav, \n", "a.yaml: no YAML: .*line"),
        ("wav: a.wav\n", "a.yaml: expected a list of segments"),
        ("- a.wav\n", "a.yaml: item 1: 'a.wav', expected wav"),
        ("", "a.yaml: expected a list"),
    ],
)
def test_the_error_names_a_malformed_list(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        read_talk_segments(tmp_path / "a.yaml")
