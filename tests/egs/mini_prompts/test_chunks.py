"""Chunks: lengths computed by hand, content against the clips, and reproducible files."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from chunks import join_clips, plan_chunks, read_chunks, trim_silence, write_chunks
from espnet_ext.audio import RATE
from espnet_ext.audio.waveform import read_audio
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.utils.errors import UserError


def seconds(*lengths: float) -> list[int]:
    return [round(length * RATE) for length in lengths]


@pytest.mark.parametrize(
    ("lengths", "chunks"),
    [
        ((1.0, 0.9), [[0, 1]]),  # 1.0 + 0.1 + 0.9 = 2 s exactly
        ((1.0, 0.8), []),  # 1.9 s: too short
        ((2.0, 1.5, 1.4), [[0], [1, 2]]),  # the second turn waits for 3 s
        ((2.0, 1.5, 0.5), [[0], [1, 2]]),  # 2.1 s at the end is enough
        ((2.0, 2.5, 2.5), [[0], [1], [2]]),  # 5.1 s would be too long; 2.5 s closes early
        ((1.0, 4.5, 0.2), [[1]]),  # 1 s before a clip that does not fit is dropped
        ((5.0,), [[0]]),
        ((), []),
    ],
)
def test_chunks_have_the_lengths_computed_by_hand(lengths: tuple[float, ...], chunks: list[list[int]]) -> None:
    assert plan_chunks(seconds(*lengths)) == chunks


def test_every_chunk_lasts_2_to_5_s() -> None:
    lengths = np.random.default_rng(0).integers(1000, 5 * RATE, 500).tolist()
    chunks = plan_chunks(lengths)
    durations = [(sum(lengths[clip] for clip in c) + 1600 * (len(c) - 1)) / RATE for c in chunks]
    assert len(chunks) > 100
    assert min(durations) >= 2.0
    assert max(durations) <= 5.0
    used = [clip for chunk in chunks for clip in chunk]
    assert used == sorted(set(used))


def test_clips_are_joined_by_a_tenth_of_a_second_of_silence() -> None:
    one, two = np.full(10, 0.5, np.float32), np.full(20, -0.5, np.float32)
    joined = join_clips([one, two])
    np.testing.assert_array_equal(joined, np.concatenate([one, np.zeros(1600, np.float32), two]))
    np.testing.assert_array_equal(join_clips([one]), one)


def test_quiet_ends_are_trimmed_to_a_margin() -> None:
    clip = np.full(3 * RATE, 0.001, np.float32)
    clip[RATE : 2 * RATE] = 0.5
    clip[RATE + 4000 : RATE + 8000] = 0.0  # an inner pause is kept
    np.testing.assert_array_equal(trim_silence(clip), clip[RATE - 800 : 2 * RATE + 800])
    loud = np.full(100, 0.5, np.float32)
    np.testing.assert_array_equal(trim_silence(loud), loud)


@pytest.fixture
def clips(tmp_path: Path) -> list[Path]:
    """Six clips of 0.9 s, the fourth silent; the second has two channels."""
    folder = tmp_path / "klettres" / "en"
    folder.mkdir(parents=True)
    paths = []
    for number in range(6):
        samples = np.full(14400, 0.0 if number == 3 else 0.1 * (number + 1))
        paths.append(folder / f"clip {number}.wav")
        soundfile.write(paths[-1], np.stack([samples] * 2, axis=1) if number == 1 else samples, RATE)
    return paths


def test_files_contain_the_joined_clips(clips: list[Path], tmp_path: Path) -> None:
    excluded = Exclusions()
    target = write_chunks("v", clips, 10, tmp_path / "chunks")
    chunks = read_chunks("v", clips, target, excluded)
    # 0.9 + 0.9 is under 2 s with its gap, three clips are 2.9 s; the last two are under 2 s.
    assert {name: length for name, (_, length) in chunks.items()} == {"v-000": 3 * 14400 + 2 * 1600}
    samples, rate = read_audio(chunks["v-000"][0])
    assert rate == RATE
    levels = [np.float32(np.round(3276.8 * level) / 32768) for level in (1, 2, 3)]
    expected = join_clips([np.full(14400, level, np.float32) for level in levels])
    np.testing.assert_allclose(samples, expected, atol=1e-4)
    assert excluded.counts() == {"clip not needed for a chunk": 2, "silent clip": 1}
    assert ("v-en.clip_3.wav", str(clips[3]), "silent clip") in excluded.entries


def test_the_number_of_chunks_is_limited(clips: list[Path], tmp_path: Path) -> None:
    more = [*clips[:3], *clips[:3], *clips[:3]]
    for number, path in enumerate(more):
        more[number] = path.parent / f"copy{number}.wav"
        more[number].write_bytes(path.read_bytes())
    excluded = Exclusions()
    chunks = read_chunks("v", more, write_chunks("v", more, 2, tmp_path / "chunks"), excluded)
    assert list(chunks) == ["v-000", "v-001"]


def test_a_second_run_keeps_the_files_and_a_new_run_makes_the_same(clips: list[Path], tmp_path: Path) -> None:
    first = write_chunks("v", clips, 10, tmp_path / "one")
    stamp = (first / "v-000.flac").stat().st_mtime_ns
    assert write_chunks("v", clips, 10, tmp_path / "one") == first
    assert (first / "v-000.flac").stat().st_mtime_ns == stamp
    other = write_chunks("v", clips, 10, tmp_path / "two")
    assert other.name == first.name
    for path in first.iterdir():
        assert (other / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("lost", ["*.flac", "utt2num_samples", "excluded.scp"])
def test_a_missing_file_is_written_again(clips: list[Path], tmp_path: Path, lost: str) -> None:
    target = write_chunks("spk", clips, 9, tmp_path)
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    next(target.glob(lost)).unlink()
    write_chunks("spk", clips, 9, tmp_path)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before


def test_the_error_names_a_broken_clip_and_no_output_remains(clips: list[Path], tmp_path: Path) -> None:
    clips[4].write_bytes(b"RIFF broken")
    with pytest.raises(UserError, match=r"clip 4\.wav: cannot decode"):
        write_chunks("v", clips, 10, tmp_path / "chunks")
    assert not list((tmp_path).glob("chunks/*"))
