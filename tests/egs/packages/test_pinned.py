"""The table of archives is well formed."""

import re

import pytest

from gettext_catalogues import TRANSLATIONS
from packages.debian import CATALOGUE_FILES
from packages.manifest import HASH_DIGITS, MANIFESTS, read_manifest
from packages.pinned import CATALOGUES, DEBIAN_PACKAGES, SPEECH, WHEELS, DebianPackage, Wheel

ALL = [*DEBIAN_PACKAGES.values(), *WHEELS.values()]


@pytest.mark.parametrize("package", ALL, ids=lambda package: package.name)
def test_each_entry_is_complete(package: DebianPackage | Wheel) -> None:
    assert re.fullmatch("[0-9a-f]{64}", package.sha256)
    assert re.fullmatch("[a-z0-9-]+", package.name) and package.license and package.purpose


def test_names_and_hashes_are_unique() -> None:
    assert len({package.name for package in ALL}) == len({package.sha256 for package in ALL}) == len(ALL) == 37


def test_each_speech_package_has_a_manifest() -> None:
    manifests = {path.stem: read_manifest(path) for path in MANIFESTS.iterdir()}
    assert sorted(manifests) == sorted(package.name for package in SPEECH)
    assert all(re.fullmatch(f"[0-9a-f]{{{HASH_DIGITS}}}", digest) for m in manifests.values() for digest in m.values())
    assert len(manifests["asterisk-prompt-es-co"]) == 285
    assert sum(map(len, manifests.values())) == 7743


def test_catalogues_are_optional_and_in_the_languages_of_the_recipe() -> None:
    assert all(package.optional for package in CATALOGUES) and not any(package.optional for package in SPEECH)
    assert {pattern.split("/")[1] for pattern in CATALOGUE_FILES} == set(TRANSLATIONS)
