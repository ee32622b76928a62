"""Voices with the keys of the core sounds: the key gives the sentence, never the text."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asterisk_extra import EXTRA_VOICES, parse_extra_voice
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.utils.errors import UserError

ES_CO, _, MENARDI = EXTRA_VOICES


def write(root: Path, folder: str, seconds: dict[str, float], suffix: str) -> None:
    for key, length in seconds.items():
        path = root / "usr/share/asterisk/sounds" / folder / f"{key}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = np.random.default_rng(0).normal(0, 0.1, round(length * 8000))
        gsm = {"format": "RAW", "subtype": "GSM610"} if suffix == ".gsm" else {}
        soundfile.write(path, samples, 8000, **gsm)


def test_gsm_prompts_get_the_sentence_of_their_key_and_no_text(tmp_path: Path) -> None:
    lengths = {"vm-goodbye": 2.0, "digits/today": 1.6, "own-key": 5.98, "short": 1.4, "long": 6.2, "silence/2": 2.0}
    write(tmp_path, "es", lengths, ".gsm")
    excluded = Exclusions()
    utterances = parse_extra_voice(ES_CO, tmp_path, {"vm-goodbye": "goodbye", "digits/today": "today"}, 40, excluded)
    assert {u.id: u.sentence for u in utterances} == {
        "asterisk_es_co-spa-vm-goodbye": "goodbye",
        "asterisk_es_co-spa-digits.today": "today",
        "asterisk_es_co-spa-own-key": None,
    }
    assert all(u.text is None and u.speaker == "asterisk_es_co" and u.language == "spa" for u in utterances)
    assert {u.id: u.num_samples for u in utterances}["asterisk_es_co-spa-vm-goodbye"] == 32000
    assert excluded.counts() == {"longer than 6 s": 1, "not speech": 1, "shorter than 1.5 s": 1}


def test_the_selection_depends_on_the_keys(tmp_path: Path) -> None:
    keys = [f"key{number}" for number in range(12)]
    write(tmp_path, MENARDI.folder, dict.fromkeys(keys, 1.5), ".wav")
    excluded = Exclusions()
    utterances = parse_extra_voice(MENARDI, tmp_path, {}, 5, excluded)
    drawn = sorted(keys, key=lambda key: hashlib.sha1(key.encode()).hexdigest())[:5]
    assert [u.id for u in utterances] == [f"menardi-ita-{key}" for key in drawn]
    assert excluded.counts() == {"voice has its 5 utterances": 7}


def test_the_error_names_a_truncated_prompt(tmp_path: Path) -> None:
    write(tmp_path, "es", {"cut": 2.0}, ".gsm")
    path = tmp_path / "usr/share/asterisk/sounds/es/cut.gsm"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(UserError, match=r"cut\.gsm: .* not a whole number of GSM frames"):
        parse_extra_voice(ES_CO, tmp_path, {}, 40, Exclusions())
