"""The attributes that some systems need."""

from pathlib import Path

import pytest
import yaml

from espnet_ext.bin import list_attributes
from espnet_ext.errors import UserError


def run(monkeypatch: pytest.MonkeyPatch, path: Path, *systems: str) -> None:
    monkeypatch.setattr("sys.argv", ["list_attributes", str(path), *systems])
    list_attributes.main()


@pytest.fixture
def path(tmp_path: Path, attributes_block: dict) -> Path:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump({"attributes": attributes_block}, sort_keys=False))
    return tmp_path / "a.yaml"


@pytest.mark.parametrize(
    ("systems", "expected"),
    [
        (["spk+sem"], "sem text\nspk speech\n"),
        (["spk"], "spk speech\n"),
        (["spk", "sem", "sem+spk"], "sem text\nspk speech\n"),
    ],
)
def test_each_needed_attribute_once_in_the_order_of_the_file(
    path: Path, systems: list[str], expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, path, *systems)
    assert capsys.readouterr().out == expected


def test_an_undeclared_attribute_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="a.yaml declares no attribute 'lang'; declared: sem, spk"):
        run(monkeypatch, path, "sem+lang")
