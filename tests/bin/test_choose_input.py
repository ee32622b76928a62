"""A frozen encoder's layers are computed once where that is no more work than hearing the audio."""

from pathlib import Path

import pytest

from espnet_ext.bin.choose_input import choose_input
from espnet_ext.errors import UserError

# Two epochs of three batches of ten samples; comments and keys that end alike are no options.
CONFIG = """
# encoder_conf: {{freeze_blocks: 0}}
valid_batch_bins: 99
max_epoch: 2
num_iters_per_epoch: 3
batch_bins: 10
encoder_conf:
  freeze_blocks: {blocks}
  frame_average: 4
model_conf: {{autocast: bfloat16}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "my config.yaml"
    path.write_text(CONFIG.format(blocks=-1))
    return path


@pytest.mark.parametrize(
    ("blocks", "num_samples", "expected"),
    [(-1, 60, "layers 4 bfloat16"), (-1, 61, "speech"), (0, 60, "speech"), (2, 60, "speech")],
)
def test_layers_where_the_encoder_is_frozen_and_all_is_heard(
    config: Path, blocks: int, num_samples: int, expected: str
) -> None:
    config.write_text(CONFIG.format(blocks=blocks))
    assert choose_input(config, num_samples) == expected


def test_what_is_left_out_has_its_default(config: Path) -> None:
    config.write_text("encoder_conf: {freeze_blocks: -1}\nmax_epoch: 1\n")
    assert choose_input(config, 10**9) == "layers 1 auto"
    config.write_text("max_epoch: 1\n")
    assert choose_input(config, 1) == "speech"


def test_a_wrong_key_is_named(config: Path) -> None:
    config.write_text("encoder_conf: {freeze_block: -1}\n")
    with pytest.raises(UserError, match="my config.yaml: encoder_conf: unknown key 'freeze_block'"):
        choose_input(config, 1)
