"""The table of archives is well formed."""

import re

import pytest

from espnet_ext.hub.packages import CATALOGUES, MODELS, PACKAGES, SPEECH, Package


@pytest.mark.parametrize("package", PACKAGES.values(), ids=str)
def test_each_entry_is_complete(package: Package) -> None:
    assert re.fullmatch("[0-9a-f]{64}", package.sha256)
    assert re.fullmatch("[a-z0-9-]+", package.name) and package.version and package.licence and package.what


def test_no_name_or_hash_stands_twice() -> None:
    every = SPEECH + CATALOGUES + MODELS
    assert len(PACKAGES) == len({package.sha256 for package in every}) == len(every) == 38
