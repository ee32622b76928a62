"""Audio in archives of dump directories: read back unchanged; damaged archives are refused."""

import pickle
from pathlib import Path

import kaldiio
import numpy as np
import pytest

from espnet_ext.audio import ARK_FORMATS
from espnet_ext.kaldi.archives import append_to_ark, read_dumped
from espnet_ext.utils.errors import UserError

PCM = np.random.default_rng(0).integers(-20000, 20000, 4000).astype(np.int16)


@pytest.mark.parametrize("ark_format", ARK_FORMATS)
def test_dumped_audio_is_read_back_by_offset(tmp_path: Path, ark_format: str) -> None:
    ark = tmp_path / "my [d]ump [2]" / "audio.ark"
    ark.parent.mkdir()
    wanted = {name: PCM[: 100 * number] / np.float32(32768) for number, name in enumerate(["é-1", "b-2"], 1)}
    with open(ark, "wb") as file:
        offsets = {name: append_to_ark(file, name, samples, ark_format) for name, samples in wanted.items()}
    for name, samples in wanted.items():
        read = read_dumped(f"{ark}:{offsets[name]}")
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, samples)
    with open(ark, "rb") as file:  # as other programs read it, from start to end
        read = {name: (rate, len(samples)) for name, (rate, samples) in kaldiio.load_ark(file)}
    assert read == {"é-1": (16000, 100), "b-2": (16000, 200)}


@pytest.mark.parametrize("ark_format", ARK_FORMATS)
@pytest.mark.parametrize("missing_bytes", [1, 3000, 7985])
def test_the_error_names_a_truncated_archive(tmp_path: Path, ark_format: str, missing_bytes: int) -> None:
    ark = tmp_path / "audio.ark"
    with open(ark, "wb") as file:
        offset = append_to_ark(file, "a", PCM / np.float32(32768), ark_format)
    ark.write_bytes(ark.read_bytes()[:-missing_bytes])
    with pytest.raises(UserError, match=r"audio\.ark:2: cannot read dumped audio"):
        read_dumped(f"{ark}:{offset}")
    with pytest.raises(UserError, match="run stage 2 again"):
        read_dumped(f"{tmp_path / 'absent.ark'}:2")


class Code:
    """Unpickling an instance would create a file."""

    def __reduce__(self) -> tuple:
        return open, ("ran", "w")


def test_a_record_that_is_not_audio_is_refused_and_not_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.ark").write_bytes(b"PKL" + pickle.dumps(Code()))
    with pytest.raises(UserError, match=r"a.ark:0: cannot read dumped audio \(no audio there\)"):
        read_dumped(f"{tmp_path}/a.ark:0")
    assert not (tmp_path / "ran").exists()


def test_dumped_audio_of_another_rate_or_several_channels_is_refused(tmp_path: Path) -> None:
    kaldiio.save_ark(str(tmp_path / "a.ark"), {"a": (8000, PCM), "b": (16000, PCM.reshape(-1, 2))})
    with pytest.raises(UserError, match=r"a.ark:2: \(4000,\) samples at 8000 Hz, expected mono at 16000 Hz"):
        read_dumped(f"{tmp_path}/a.ark:2")
    with pytest.raises(UserError, match=r"a.ark:8048: cannot read dumped audio \(2 channels of 16 bits\)"):
        read_dumped(f"{tmp_path}/a.ark:8048")
