"""Cached outputs are read if the encoder or its lower part is frozen and caching saves work."""

from pathlib import Path

import pytest

from espnet_ext.config.training_input import choose_inputs
from espnet_ext.utils.errors import UserError

# Two epochs of three batches of ten samples; comments and keys with the same ending are not options.
CONFIG = """
# encoder_conf: {{freeze_blocks: 0}}
valid_batch_bins: 99
max_epoch: 2
num_iters_per_epoch: 3
batch_bins: 10
encoder_conf:
  freeze_blocks: {blocks}
  frame_average: {average}
model_conf: {{autocast: bfloat16}}
"""


def write_configs(folder: Path, *blocks: int, averages: tuple[int, ...] = ()) -> list[Path]:
    """Write one config per phase, in a folder with a space."""
    (folder / "my conf").mkdir()
    paths = [folder / "my conf" / f"{index}.yaml" for index in range(len(blocks))]
    for path, frozen, average in zip(paths, blocks, averages or (4,) * len(blocks), strict=True):
        path.write_text(CONFIG.format(blocks=frozen, average=average))
    return paths


@pytest.mark.parametrize(
    ("blocks", "num_samples", "expected"),
    [
        ([-1], 60, ["layers 4 bfloat16 all"]),
        ([-1], 61, ["speech"]),
        ([0], 60, ["speech"]),
        ([2], 60, ["speech"]),
        ([-1, 2], 60, ["layers 4 bfloat16 2"] * 2),
        ([-1, 2], 61, ["speech"] * 2),
        ([-1, 0], 60, ["layers 4 bfloat16 all", "speech"]),
        ([2, -1], 60, ["speech"] * 2),
        ([-1, 2, 2], 60, ["layers 4 bfloat16 2"] * 3),
        ([-1, 2, 1], 60, ["layers 4 bfloat16 2"] * 2 + ["speech"]),
        ([-1, 0, 2], 60, ["layers 4 bfloat16 all", "speech", "speech"]),
    ],
)
def test_the_cache_is_read_if_the_frozen_blocks_are_pretrained(
    tmp_path: Path, blocks: list[int], num_samples: int, expected: list[str]
) -> None:
    assert choose_inputs(write_configs(tmp_path, *blocks), num_samples) == expected


def test_a_phase_with_another_frame_rate_reads_waveforms(tmp_path: Path) -> None:
    configs = write_configs(tmp_path, -1, 2, averages=(4, 2))
    assert choose_inputs(configs, 60) == ["layers 4 bfloat16 all", "speech"]


def test_a_missing_option_has_its_default(tmp_path: Path) -> None:
    config = tmp_path / "train.yaml"
    config.write_text("encoder_conf: {freeze_blocks: -1}\nmax_epoch: 1\n")
    assert choose_inputs([config], 10**9) == ["layers 1 auto all"]
    config.write_text("max_epoch: 1\n")
    assert choose_inputs([config], 1) == ["speech"]


def test_the_error_names_a_wrong_key(tmp_path: Path) -> None:
    config = tmp_path / "my config.yaml"
    config.write_text("encoder_conf: {freeze_block: -1}\n")
    with pytest.raises(UserError, match="my config.yaml: encoder_conf: unknown key 'freeze_block'"):
        choose_inputs([config], 1)
