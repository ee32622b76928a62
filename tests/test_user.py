"""Users without an entry in passwd, as in cluster containers."""

import getpass
import importlib
import os
import pwd

import pytest

import espnet_ext


def test_a_user_without_a_name_gets_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "")
    importlib.reload(espnet_ext)
    assert getpass.getuser() == f"uid{os.getuid()}"


def test_an_existing_name_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "")
    monkeypatch.setenv("USER", "somebody")
    importlib.reload(espnet_ext)
    assert os.environ["USER"] == "somebody"
