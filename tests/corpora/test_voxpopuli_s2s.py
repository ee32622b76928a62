"""VoxPopuli's pairs of speech and interpretation, and the faults of alignments."""

import gzip
from pathlib import Path

import pytest

from espnet_ext.corpora.voxpopuli_s2s import parse_voxpopuli_s2s
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance, write_utterances
from espnet_ext.kaldi.validate import validate_data_dir
from espnet_ext.utils.errors import UserError
from helpers.clips import Clip
from helpers.voxpopuli_tree import (
    CLIPS,
    ENGLISH,
    SESSION,
    YEAR,
    check_audio,
    interpretation_id,
    segment_id,
    utterance_id,
    write_cut_voxpopuli,
    write_voxpopuli,
)


def pairs_of(utterances: list[Utterance]) -> dict[str, set[str]]:
    pairs: dict[str, set[str]] = {}
    for utterance in utterances:
        pairs.setdefault(utterance.sentence, set()).add(utterance.id)
    return pairs


def test_pairs_share_their_sentence_and_keep_their_direction(
    voxpopuli: tuple[Path, dict[str, Clip]], tmp_path: Path
) -> None:
    root, _ = voxpopuli
    utterances = parse_voxpopuli_s2s(root, Exclusions())
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


def test_only_pairs_of_the_selected_splits_are_read(voxpopuli_sessions: Path) -> None:
    assert len(pairs_of(parse_voxpopuli_s2s(voxpopuli_sessions, Exclusions(), split="train"))) == 1
    assert len(pairs_of(parse_voxpopuli_s2s(voxpopuli_sessions, Exclusions(), split="test"))) == 2


def test_alignments_made_by_hand_are_preferred(tmp_path: Path) -> None:
    write_voxpopuli(tmp_path, CLIPS, ENGLISH)
    (tmp_path / "transcribed_data/fr/en").mkdir()
    other = tmp_path / "transcribed_data/fr/en/s2s_en.tsv.gz"
    other.write_bytes(gzip.compress(b"id\tstart_time\tend_time\n"))
    assert len(parse_voxpopuli_s2s(tmp_path, Exclusions())) == 4


def test_a_pair_without_one_half_is_excluded_completely(tmp_path: Path) -> None:
    write_cut_voxpopuli(tmp_path, CLIPS, ENGLISH)
    first = sorted((tmp_path / "transcribed_data/fr/en" / YEAR).glob("*.ogg"))[-1]
    first.unlink()
    with pytest.raises(UserError, match=r"VoxPopuli in eng: 1 of 2 utterances left out, more than 1%"):
        parse_voxpopuli_s2s(tmp_path, Exclusions())
    excluded = Exclusions()
    assert len(parse_voxpopuli_s2s(tmp_path, excluded, max_left_out=1.0)) == 2
    assert excluded.counts() == {"no audio file": 1, "the other half of its pair is left out": 1}


@pytest.mark.parametrize(
    ("target", "split", "message"),
    [
        ("de", "test", "no VoxPopuli pairs fr-de: expected s2s_de_ref.tsv.gz or s2s_de.tsv.gz"),
        ("en", "dev", "no VoxPopuli pair fr-en of split dev"),
    ],
)
def test_the_error_names_missing_pairs(voxpopuli_sessions: Path, target: str, split: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_voxpopuli_s2s(voxpopuli_sessions, Exclusions(), target=target, split=split)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f"{SESSION}-fr_1\tnever\t2\t", r"s2s_en_ref.tsv.gz:2: times 'never', '2' are not numbers"),
        ("nothing\t1\t2\t", r"s2s_en_ref.tsv.gz:2: id 'nothing', expected <session>-<language>_<utterance>"),
        (f"{SESSION}-fr_1\t1\t2\t\n{SESSION}-fr_1\t1\t2\t", f"segment '{SESSION}-fr_1' is aligned twice"),
    ],
)
def test_the_error_names_a_malformed_alignment(tmp_path: Path, row: str, message: str) -> None:
    write_voxpopuli(tmp_path, CLIPS, ENGLISH)
    path = tmp_path / "annotations/s2s/s2s_en_ref.tsv.gz"
    path.write_bytes(gzip.compress(f"id\tstart_time\tend_time\ttgt_text\n{row}\n".encode()))
    with pytest.raises(UserError, match=message):
        parse_voxpopuli_s2s(tmp_path, Exclusions())
