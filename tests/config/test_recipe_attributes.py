"""The attributes files of all recipes are valid, and extended files agree with the file that they extend."""

from pathlib import Path

import pytest

from espnet_ext.config.attributes import load_attributes
from espnet_ext.model.head.pooling import POOLINGS

RECIPES = Path(__file__).resolve().parents[2] / "egs"
FILES = sorted(RECIPES.glob("*/conf/attributes*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=[f"{path.parts[-3]}/{path.name}" for path in FILES])
def test_every_attributes_file_is_valid(path: Path) -> None:
    for attribute in load_attributes(path).values():
        assert attribute.head.pooling in POOLINGS
        labeled = attribute.target.labels is not None
        expected_rule = {"class": "classification", "number": "regression"}[attribute.target.kind]
        assert (expected_rule in attribute.scoring) == labeled


@pytest.mark.parametrize(
    ("recipe", "extended", "added"),
    [
        ("mini_prompts", "attributes_lang.yaml", ["lang"]),
        ("fleurs_voxceleb", "attributes_labels.yaml", ["lang", "gender", "accent", "age"]),
    ],
)
def test_extended_files_only_add_labels(recipe: str, extended: str, added: list[str]) -> None:
    """The scores of `sem` and `spk` must be comparable with and without them."""
    plain = load_attributes(RECIPES / recipe / "conf/attributes.yaml")
    more = load_attributes(RECIPES / recipe / "conf" / extended)
    assert list(more) == [*plain, *added]
    assert {name: more[name] for name in plain} == plain
