"""VoxPopuli: segments of sessions, cut files, pairs of speech and interpretation, and the faults of each."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from clips import Clip, tones
from voxpopuli_tree import (
    SESSION,
    YEAR,
    interpretation_id,
    segment_id,
    utterance_id,
    write_cut_voxpopuli,
    write_voxpopuli,
)

from espnet_ext.data.audio import resample
from espnet_ext.data.corpora.voxpopuli import parse_voxpopuli_asr
from espnet_ext.data.corpora.voxpopuli_s2s import parse_voxpopuli_s2s
from espnet_ext.data.corpora.voxpopuli_segments import present_languages
from espnet_ext.data.data_dir import DataDir, Utterance, write_utterances
from espnet_ext.data.left_out import LeftOut
from espnet_ext.data.segments import read_source
from espnet_ext.data.validate import validate_data_dir, validate_split
from espnet_ext.errors import UserError

CLIPS = {
    "train": tones(["11"], ["fra", "eng"], ["a", "b"], 0.6),
    "test": tones(["12", "13"], ["fra", "eng"], ["c"], 0.7),
}
ENGLISH = tones(["interpreter"], ["eng"], ["a", "c"], 0.9)


@pytest.fixture(scope="module", params=[write_voxpopuli, write_cut_voxpopuli])
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Clip]]:
    """Root and the clips that are in it, in either layout."""
    root = tmp_path_factory.mktemp("voxpopuli")
    return root, request.param(root, CLIPS, ENGLISH)


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sessions")
    write_voxpopuli(root, CLIPS, ENGLISH)
    return root


def parse(
    root: Path,
    split: str,
    left_out: LeftOut | None = None,
    languages: Sequence[str] = (),
    max_left_out: float = 1.0,
) -> list[Utterance]:
    """Utterances of some languages, or of all that are there."""
    return [
        utterance
        for language in languages or present_languages(root)
        for utterance in parse_voxpopuli_asr(root, split, language, left_out or LeftOut(), 1, max_left_out)
    ]


def check_audio(folder: Path, utterance: str, clip: Clip) -> None:
    """What is read is the clip, but for Vorbis."""
    samples, rate = read_source(DataDir(folder).sources()[utterance])
    samples = resample(samples, rate)
    assert abs(len(samples) - len(clip.samples)) <= 2
    length = min(len(samples), len(clip.samples))
    assert np.corrcoef(samples[:length], clip.samples[:length])[0, 1] > 0.98


def test_a_split_is_read_in_both_layouts(tree: tuple[Path, dict[str, Clip]], tmp_path: Path) -> None:
    root, clips = tree
    left_out = LeftOut()
    utterances = parse(root, "test", left_out)
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


def test_sessions_are_segments_of_two_spans_that_splits_may_share(sessions: Path, tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_utterances(tmp_path / split, parse(sessions, split, languages=["fr"]))
    assert list(DataDir(tmp_path / "test").wav_scp) == [f"voxpopuli-{SESSION}_original"]
    assert {len(segment.spans) for segment in DataDir(tmp_path / "test").segments.values()} == {2}
    validate_split(tmp_path / "train", tmp_path / "test")


def test_texts_keep_their_quotation_marks(sessions: Path) -> None:
    texts = {u.id: u.text for u in parse(sessions, "train")}
    train = CLIPS["train"]
    assert texts[utterance_id(0, train[0])] == train[0].text.lower()  # the original text is missing
    assert texts[utterance_id(1, train[1])] == f'"{train[1].text}'
    assert texts[utterance_id(2, train[2])] == train[2].text.replace(" ", ' "said" | ', 1)


def test_a_segment_of_over_200_s_is_kept(sessions: Path) -> None:
    utterances = {u.id: u for u in parse(sessions, "train", languages=["fr"])}
    long = utterances[f"voxpopuli-{SESSION}-fr_20180206-17:00:00_long"]
    assert long.num_samples == 210 * 16000
    assert long.speaker == long.id  # its speaker is "None"
    assert "gender" not in long.labels


def test_what_cannot_be_used_is_left_out_with_its_reason(sessions: Path) -> None:
    left_out = LeftOut()
    parse(sessions, "test", left_out, ["fr"])
    assert {entry.utterance.rpartition("_")[2]: entry.reason for entry in left_out.entries} == {
        "absent": "no audio file",
        "beyond": "ends after its recording",
        "silent": "no speech by the corpus's voice activity detection",
    }


def test_accented_english_is_read_when_asked_for(tmp_path: Path) -> None:
    write_cut_voxpopuli(tmp_path, CLIPS)
    folder = tmp_path / "transcribed_data" / "en_accented"
    (tmp_path / "transcribed_data/en").rename(folder)
    manifest = folder / "asr_test.tsv"
    manifest.write_text(manifest.read_text().replace("\tNone\n", "\ten_fr\n"))
    utterances = parse(tmp_path, "test", languages=["en_accented"])
    assert [(u.language, u.labels["accent"]) for u in utterances] == [("eng", "en_fr")] * 2
    assert {u.language for u in parse(tmp_path, "test")} == {"fra"}


def test_a_text_may_be_missing_altogether(tmp_path: Path) -> None:
    write_cut_voxpopuli(tmp_path, CLIPS)
    manifest = tmp_path / "transcribed_data/fr/asr_test.tsv"
    header, first, second = manifest.read_text().splitlines()
    fields = first.split("\t")
    manifest.write_text("\n".join([header, "\t".join([fields[0], "", " ", *fields[3:]]), second]) + "\n")
    left_out = LeftOut()
    assert len(parse(tmp_path, "test", left_out, ["fr"])) == 1
    assert left_out.counts() == {"no transcript": 1}


@pytest.mark.parametrize(
    ("split", "languages", "message"),
    [
        ("valid", ["fr"], "VoxPopuli has no split 'valid'; expected one of train, dev, test"),
        ("test", ["de"], r"no VoxPopuli audio of language 'de': expected asr_de.tsv.gz with raw_audios/original/, or"),
    ],
)
def test_what_is_not_there_is_named(sessions: Path, split: str, languages: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse(sessions, split, languages=languages)


def test_a_folder_that_is_not_voxpopuli_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not VoxPopuli: no asr_<language>.tsv.gz"):
        parse(tmp_path, "test")


def test_too_much_missing_audio_is_an_error(sessions: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"VoxPopuli in fra, .*_original\.ogg and others: 1 of 5 utterances left out"):
        parse(sessions, "test", languages=["fr"], max_left_out=0.01)
    write_cut_voxpopuli(tmp_path, CLIPS, ENGLISH)
    next((tmp_path / "transcribed_data/fr/en" / YEAR).glob("*.ogg")).unlink()
    with pytest.raises(UserError, match=r"VoxPopuli in eng, .*\.ogg and others: 1 of 2 utterances left out, more than"):
        parse_voxpopuli_s2s(tmp_path, LeftOut())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("vad|split", "speech|split", r"asr_fr.tsv.gz: no column 'vad', only id_, session_id"),
        ("|[[", "|[[nothing", r"asr_fr.tsv.gz:2: vad .* is no list of \[start, end\]"),
        ("|test|", "|", r"asr_fr.tsv.gz:4: 9 fields, expected 10"),
    ],
)
def test_a_malformed_table_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    write_voxpopuli(tmp_path, CLIPS)
    path = tmp_path / "transcribed_data/fr/asr_fr.tsv.gz"
    text = gzip.decompress(path.read_bytes()).decode().replace(old, new)
    path.write_bytes(gzip.compress(text.encode()))
    with pytest.raises(UserError, match=message):
        parse(tmp_path, "train", languages=["fr"])


def test_a_table_that_was_cut_is_named(tmp_path: Path) -> None:
    write_voxpopuli(tmp_path, CLIPS)
    path = tmp_path / "transcribed_data/fr/asr_fr.tsv.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match="asr_fr.tsv.gz: cannot be unpacked to its end"):
        parse(tmp_path, "train", languages=["fr"])


def test_a_segment_listed_twice_is_named(tmp_path: Path) -> None:
    write_cut_voxpopuli(tmp_path, CLIPS)
    manifest = tmp_path / "transcribed_data/fr/asr_test.tsv"
    manifest.write_text(manifest.read_text() + manifest.read_text().splitlines()[-1] + "\n")
    with pytest.raises(UserError, match="language 'fr' list segment '.*' twice"):
        parse(tmp_path, "test", languages=["fr"])


def pairs_of(utterances: list[Utterance]) -> dict[str, set[str]]:
    pairs: dict[str, set[str]] = {}
    for utterance in utterances:
        pairs.setdefault(utterance.sentence, set()).add(utterance.id)
    return pairs


def test_pairs_share_their_sentence_and_keep_their_direction(
    tree: tuple[Path, dict[str, Clip]], tmp_path: Path
) -> None:
    root, _ = tree
    utterances = parse_voxpopuli_s2s(root, LeftOut())
    target = ENGLISH[1]
    sources = {number: clip for number, clip in enumerate([*CLIPS["train"], *CLIPS["test"]]) if clip.sentence == "c"}
    french = {number: clip for number, clip in sources.items() if clip.language == "fra"}
    assert pairs_of(utterances) == {
        f"voxpopuli-{SESSION}-{segment_id(number, clip)}": {
            utterance_id(number, clip),
            interpretation_id(number, clip, target),
        }
        for number, clip in french.items()
    }
    write_utterances(tmp_path, utterances)
    validate_data_dir(tmp_path)
    for number, clip in french.items():
        check_audio(tmp_path, utterance_id(number, clip), clip)
        check_audio(tmp_path, interpretation_id(number, clip, target), target)
    data = DataDir(tmp_path)
    assert set(data.read("utt2direction").values()) == {"fra-eng"}
    interpretations = [name for name in data.utterances if "fra2eng" in name]
    assert {data.utt2lang[name] for name in interpretations} == {"eng"}
    assert all(data.utt2spk[name] == name for name in interpretations)


def test_pairs_are_of_the_splits_asked_for(sessions: Path) -> None:
    assert len(pairs_of(parse_voxpopuli_s2s(sessions, LeftOut(), splits=("train",)))) == 1
    assert len(pairs_of(parse_voxpopuli_s2s(sessions, LeftOut(), splits=("train", "test")))) == 3


def test_a_segment_interpreted_twice_has_both_directions(tmp_path: Path) -> None:
    spanish = tones(["interpreter"], ["spa"], ["c"])
    write_voxpopuli(tmp_path, CLIPS, [*ENGLISH, *spanish])
    utterances = parse_voxpopuli_s2s(tmp_path, LeftOut(), directions=("fr-en", "fr-es"))
    assert sorted(u.labels["direction"] for u in utterances if u.sentence == utterances[0].sentence) == [
        "fra-eng",
        "fra-eng fra-spa",
        "fra-spa",
    ]


def test_alignments_made_by_hand_are_preferred(tmp_path: Path) -> None:
    write_voxpopuli(tmp_path, CLIPS, ENGLISH)
    (tmp_path / "transcribed_data/fr/en").mkdir()
    other = tmp_path / "transcribed_data/fr/en/s2s_en.tsv.gz"
    other.write_bytes(gzip.compress(b"id\tstart_time\tend_time\n"))
    assert len(parse_voxpopuli_s2s(tmp_path, LeftOut())) == 4


def test_a_pair_without_one_half_is_left_out_with_both(tmp_path: Path) -> None:
    write_cut_voxpopuli(tmp_path, CLIPS, ENGLISH)
    first = sorted((tmp_path / "transcribed_data/fr/en" / YEAR).glob("*.ogg"))[-1]
    first.unlink()
    left_out = LeftOut()
    assert len(parse_voxpopuli_s2s(tmp_path, left_out, max_left_out=1.0)) == 2
    assert left_out.counts() == {"no audio file": 1, "the other half of its pair is left out": 1}


@pytest.mark.parametrize(
    ("directions", "splits", "message"),
    [
        (["fr"], ["test"], "VoxPopuli pairs 'fr': expected <source>-<target>"),
        (["fr-fr"], ["test"], "VoxPopuli pairs 'fr-fr'"),
        (["fr-de"], ["test"], "no VoxPopuli pairs fr-de: expected s2s_de_ref.tsv.gz or s2s_de.tsv.gz"),
        (["fr-en"], ["dev"], "no VoxPopuli pair fr-en of split dev"),
    ],
)
def test_pairs_that_are_not_there_are_named(
    sessions: Path, directions: list[str], splits: list[str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        parse_voxpopuli_s2s(sessions, LeftOut(), directions=directions, splits=splits)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f"{SESSION}-fr_1\tnever\t2\t", r"s2s_en_ref.tsv.gz:2: times 'never', '2' are not numbers"),
        ("nothing\t1\t2\t", r"s2s_en_ref.tsv.gz:2: id 'nothing', expected <session>-<language>_<utterance>"),
        (f"{SESSION}-fr_1\t1\t2\t\n{SESSION}-fr_1\t1\t2\t", f"segment '{SESSION}-fr_1' is aligned twice"),
    ],
)
def test_a_malformed_alignment_is_named(tmp_path: Path, row: str, message: str) -> None:
    write_voxpopuli(tmp_path, CLIPS, ENGLISH)
    path = tmp_path / "annotations/s2s/s2s_en_ref.tsv.gz"
    path.write_bytes(gzip.compress(f"id\tstart_time\tend_time\ttgt_text\n{row}\n".encode()))
    with pytest.raises(UserError, match=message):
        parse_voxpopuli_s2s(tmp_path, LeftOut())
