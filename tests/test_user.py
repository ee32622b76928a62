"""A user without a name, as in containers of clusters."""

import getpass
import importlib
import os
import pwd

import pytest

import espnet_ext


def test_a_user_without_a_name_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "")
    importlib.reload(espnet_ext)
    assert getpass.getuser() == f"uid{os.getuid()}"


def test_a_name_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "")
    monkeypatch.setenv("USER", "somebody")
    importlib.reload(espnet_ext)
    assert os.environ["USER"] == "somebody"
