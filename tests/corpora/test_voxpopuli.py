"""VoxPopuli: segments of sessions and cut files, and the faults of each."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest
import soundfile

from espnet_ext.corpora.published import num_on_disk
from espnet_ext.corpora.voxpopuli import describe_recurring_ids, parse_voxpopuli_asr
from espnet_ext.corpora.voxpopuli_segments import present_languages
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.overlap import validate_split
from espnet_ext.kaldi.utterances import Utterance, write_utterances
from espnet_ext.kaldi.validate import validate_data_dir
from espnet_ext.utils.errors import UserError
from helpers.clips import Clip, write_audio
from helpers.voxpopuli_tree import (
    CLIPS,
    SESSION,
    check_audio,
    utterance_id,
    write_cut_voxpopuli,
    write_voxpopuli,
)


def parse(
    root: Path,
    split: str,
    excluded: Exclusions | None = None,
    languages: Sequence[str] = (),
    max_left_out: float = 1.0,
) -> list[Utterance]:
    """Utterances of some languages, or of all on disk."""
    return [
        utterance
        for language in languages or present_languages(root)
        for utterance in parse_voxpopuli_asr(root, split, language, excluded or Exclusions(), 1, max_left_out)
    ]


def test_a_split_is_read_in_both_layouts(voxpopuli: tuple[Path, dict[str, Clip]], tmp_path: Path) -> None:
    root, clips = voxpopuli
    excluded = Exclusions()
    utterances = parse(root, "test", excluded)
    wanted = {name: clip for name, clip in clips.items() if clip.sentence == "c"}
    assert {u.id for u in utterances} == set(wanted)
    write_utterances(tmp_path, utterances)
    validate_data_dir(tmp_path)
    for u in utterances:
        clip = wanted[u.id]
        assert (u.speaker, u.language) == (f"voxpopuli-{clip.language}-{clip.speaker}", clip.language)
        assert u.text.lstrip('"') == clip.text
        assert abs(u.num_samples - len(clip.samples)) <= 2
        assert u.labels["gender"] in ("female", "male")
        check_audio(tmp_path, u.id, clip)


def test_sessions_are_segments_of_two_spans_that_splits_can_share(voxpopuli_sessions: Path, tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_utterances(tmp_path / split, parse(voxpopuli_sessions, split, languages=["fr"]))
    assert list(DataDir(tmp_path / "test").wav_scp) == [f"voxpopuli-{SESSION}_original"]
    assert {len(segment.spans) for segment in DataDir(tmp_path / "test").segments.values()} == {2}
    validate_split(tmp_path / "train", tmp_path / "test")


def test_texts_keep_their_quotation_marks(voxpopuli_sessions: Path) -> None:
    texts = {u.id: u.text for u in parse(voxpopuli_sessions, "train")}
    train = CLIPS["train"]
    assert texts[utterance_id(0, train[0])] == train[0].text.lower()  # the original text is missing
    assert texts[utterance_id(1, train[1])] == f'"{train[1].text}'
    assert texts[utterance_id(2, train[2])] == train[2].text.replace(" ", ' "said" | ', 1)


def test_a_segment_of_over_200_s_is_kept(voxpopuli_sessions: Path) -> None:
    utterances = {u.id: u for u in parse(voxpopuli_sessions, "train", languages=["fr"])}
    long = utterances[f"voxpopuli-{SESSION}-fr_20180206-17:00:00_long"]
    assert long.num_samples == 210 * 16000
    assert long.speaker == long.id  # its speaker is "None"
    assert "gender" not in long.labels


def test_unusable_segments_are_excluded_with_their_reason(voxpopuli_sessions: Path) -> None:
    excluded = Exclusions()
    parse(voxpopuli_sessions, "test", excluded, ["fr"])
    assert {entry.utterance.rpartition("_")[2]: entry.reason for entry in excluded.entries} == {
        "absent": "no audio file",
        "beyond": "times outside its recording",
        "silent": "no speech by the corpus's voice activity detection",
    }


def test_accented_english_is_read_on_request(tmp_path: Path) -> None:
    write_cut_voxpopuli(tmp_path, CLIPS)
    folder = tmp_path / "transcribed_data" / "en_accented"
    (tmp_path / "transcribed_data/en").rename(folder)
    manifest = folder / "asr_test.tsv"
    manifest.write_text(manifest.read_text().replace("\tNone\n", "\ten_fr\n"))
    utterances = parse(tmp_path, "test", languages=["en_accented"])
    assert [(u.language, u.labels["accent"]) for u in utterances] == [("eng", "en_fr")] * 2
    assert {u.language for u in parse(tmp_path, "test")} == {"fra"}


def test_a_text_can_be_missing(tmp_path: Path) -> None:
    write_cut_voxpopuli(tmp_path, CLIPS)
    manifest = tmp_path / "transcribed_data/fr/asr_test.tsv"
    header, first, second = manifest.read_text().splitlines()
    fields = first.split("\t")
    manifest.write_text("\n".join([header, "\t".join([fields[0], "", " ", *fields[3:]]), second]) + "\n")
    excluded = Exclusions()
    assert len(parse(tmp_path, "test", excluded, ["fr"])) == 1
    assert excluded.counts() == {"no transcript": 1}


@pytest.mark.parametrize(
    ("split", "languages", "message"),
    [
        ("valid", ["fr"], "VoxPopuli has no split 'valid'; expected one of train, dev, test"),
        ("test", ["de"], r"no VoxPopuli audio of language 'de': expected asr_de.tsv.gz with raw_audios/original/, or"),
    ],
)
def test_the_error_names_missing_data(voxpopuli_sessions: Path, split: str, languages: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(voxpopuli_sessions, split, languages=languages)


def test_a_folder_that_is_not_voxpopuli_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not VoxPopuli: no asr_<language>.tsv.gz"):
        parse(tmp_path, "test")


def test_too_much_missing_audio_is_an_error(voxpopuli_sessions: Path) -> None:
    message = r"VoxPopuli in fra: 2 of 5 .* for instance .*_original\.ogg\); .*--allow_incomplete true"
    with pytest.raises(UserError, match=message):
        parse(voxpopuli_sessions, "test", languages=["fr"], max_left_out=0.01)


def test_a_truncated_session_counts_as_missing_audio(tmp_path: Path) -> None:
    write_voxpopuli(tmp_path, CLIPS)
    [session] = tmp_path.rglob("*_original.ogg")
    samples, rate = soundfile.read(session, dtype="float32")
    write_audio(session, samples[: len(samples) // 3])
    with pytest.raises(UserError, match=rf"VoxPopuli in eng: .*times outside its recording.*{session.name}\)"):
        parse(tmp_path, "test", languages=["en"], max_left_out=0.01)
    excluded = Exclusions()
    assert parse(tmp_path, "test", excluded, ["en"]) == []
    assert num_on_disk(0, excluded) == sum("activity detection" in entry.reason for entry in excluded.entries) == 1


def test_ids_repeated_across_languages_are_reported_once() -> None:
    def utterance(language: str, speaker: str) -> Utterance:
        return Utterance(f"{speaker}-1", speaker, Path("a.ogg"), 16_000, language)

    languages_of: dict[str, set[str]] = {}
    train = [utterance("eng", "voxpopuli-eng-28300"), utterance("eng", "voxpopuli-eng-7"), utterance("deu", "alone")]
    assert describe_recurring_ids([*train, *train], languages_of) == []
    test = [utterance("fra", "voxpopuli-fra-28300"), utterance("fra", "voxpopuli-fra-8")]
    line = "VoxPopuli: 1 speaker ids recur across languages and are taken as different speakers, for instance 28300 in "
    assert describe_recurring_ids([*test, *test], languages_of) == [f"{line}eng, fra"]
    assert describe_recurring_ids(train + test, languages_of) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("vad|split", "speech|split", r"asr_fr.tsv.gz:1: no column vad in id_, session_id"),
        ("|[[", "|[[nothing", r"asr_fr.tsv.gz:2: vad .* is not a list of \[start, end\]"),
        ("|test|", "|", r"asr_fr.tsv.gz:4: 9 fields, expected 10"),
    ],
)
def test_the_error_names_a_malformed_table(tmp_path: Path, old: str, new: str, message: str) -> None:
    write_voxpopuli(tmp_path, CLIPS)
    path = tmp_path / "transcribed_data/fr/asr_fr.tsv.gz"
    text = gzip.decompress(path.read_bytes()).decode().replace(old, new)
    path.write_bytes(gzip.compress(text.encode()))
    with pytest.raises(UserError, match=message):
        parse(tmp_path, "train", languages=["fr"])


def test_the_error_names_a_truncated_table(tmp_path: Path) -> None:
    write_voxpopuli(tmp_path, CLIPS)
    path = tmp_path / "transcribed_data/fr/asr_fr.tsv.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match="asr_fr.tsv.gz: cannot be unpacked to its end"):
        parse(tmp_path, "train", languages=["fr"])


def test_the_error_names_a_segment_listed_twice(tmp_path: Path) -> None:
    write_cut_voxpopuli(tmp_path, CLIPS)
    manifest = tmp_path / "transcribed_data/fr/asr_test.tsv"
    manifest.write_text(manifest.read_text() + manifest.read_text().splitlines()[-1] + "\n")
    with pytest.raises(UserError, match="language 'fr' list segment '.*' twice"):
        parse(tmp_path, "test", languages=["fr"])
