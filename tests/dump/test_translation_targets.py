"""Targets averaged over translations, compared with the definition."""

import json
from pathlib import Path

import kaldiio
import numpy as np
import pytest

from espnet_ext.dump.translation_targets import average_translations
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.utils.errors import UserError

LANGUAGES = {"a-1": "eng", "a-2": "eng", "b-1": "fra", "c-1": "eng", "d-1": "fra"}


def make_dump(folder: Path, sentences: dict[str, str]) -> dict[str, np.ndarray]:
    """Make a dump directory of five utterances, d-1 without a target; return the vectors by utterance."""
    random = np.random.default_rng(0)
    vectors = {name: random.normal(size=4).astype(np.float32) for name in ("a-1", "b-1", "c-1")}
    vectors = {name: vector / np.linalg.norm(vector) for name, vector in vectors.items()}
    kaldiio.save_ark(str(folder / "t.ark"), vectors, scp=str(folder / "t.scp"))
    entries = read_scp(folder / "t.scp")
    # Two recordings of one text share its vector.
    write_scp(folder / "target_sem.scp", {**entries, "a-2": entries["a-1"], "d-1": "None"})
    (folder / "target_sem.json").write_text(json.dumps({"dim": 4}))
    write_scp(folder / "wav.scp", dict.fromkeys(LANGUAGES, "x.ark:1"))
    write_scp(folder / "utt2spk", dict.fromkeys(LANGUAGES, "s"))
    write_scp(folder / "utt2lang", LANGUAGES)
    if sentences:
        write_scp(folder / "utt2sent", sentences)
    return vectors


def test_a_target_is_the_mean_of_its_sentence_over_languages(tmp_path: Path) -> None:
    sentences = {"a-1": "s1", "a-2": "s1", "b-1": "s1", "d-1": "s1"}
    vectors = make_dump(tmp_path, sentences)
    average_translations(tmp_path, "sem")
    averaged = read_scp(tmp_path / "target_sem_translations.scp")
    # English counts once although there are two recordings of it.
    expected = vectors["a-1"].astype(float) + vectors["b-1"]
    expected /= np.linalg.norm(expected)
    for utterance in ("a-1", "a-2", "b-1"):
        np.testing.assert_allclose(kaldiio.load_mat(averaged[utterance]), expected, atol=1e-6)


def test_utterances_without_a_sentence_or_a_target_are_not_changed(tmp_path: Path) -> None:
    vectors = make_dump(tmp_path, {"a-1": "s1", "d-1": "s1"})
    average_translations(tmp_path, "sem")
    averaged = read_scp(tmp_path / "target_sem_translations.scp")
    assert averaged["d-1"] == "None"
    np.testing.assert_array_equal(kaldiio.load_mat(averaged["c-1"]), vectors["c-1"])
    assert list(averaged) == sorted(LANGUAGES)


def test_missing_sentences_or_languages_name_the_option_to_remove(tmp_path: Path) -> None:
    make_dump(tmp_path, {})
    with pytest.raises(UserError, match="average_translations needs utt2sent"):
        average_translations(tmp_path, "sem")
    write_scp(tmp_path / "utt2sent", {"a-1": "s1"})
    (tmp_path / "utt2lang").unlink()
    with pytest.raises(UserError, match="average_translations needs utt2lang"):
        average_translations(tmp_path, "sem")
