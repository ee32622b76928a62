"""Hub models behind broken proxies: cached models load, otherwise one error line names the variable."""

import http.server
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from espnet_ext.hub.download import NETWORK_VARIABLES, check_network, download_snapshot
from espnet_ext.utils.errors import UserError

COMMIT = "a" * 40


class RefusingProxy(http.server.BaseHTTPRequestHandler):
    def do_CONNECT(self) -> None:
        self.send_response(407)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def refusing_proxy(serve: Callable[[type], str]) -> str:
    return serve(RefusingProxy)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """The hub's cache with one model."""
    model = tmp_path / "models--own--model"
    snapshot = model / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "model.json").write_text("{}")
    (model / "refs").mkdir()
    (model / "refs/main").write_text(COMMIT)
    return tmp_path


@pytest.fixture
def set_variable(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Clear all proxy variables; the hub client reads the environment when it is created."""
    from huggingface_hub import close_session

    close_session()
    for name in NETWORK_VARIABLES:
        for written in (name, name.upper()):
            monkeypatch.delenv(written, raising=False)
    yield monkeypatch
    close_session()


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:9", "SOCKS|socks"),
        ("https_proxy", "http://[::1", "InvalidURL"),
        ("HTTPS_PROXY", "http://127.0.0.1:port", "InvalidURL"),
        ("HTTPS_PROXY", "http://127.0.0.1:9", "ConnectError"),
        ("HTTPS_PROXY", "refusing proxy", "407 Proxy Authentication Required"),
    ],
)
def test_a_broken_proxy_falls_back_to_the_cache_or_is_named(
    cache: Path, refusing_proxy: str, set_variable: pytest.MonkeyPatch, variable: str, value: str, reason: str
) -> None:
    set_variable.setenv(variable, refusing_proxy if value == "refusing proxy" else value)
    found = download_snapshot("own/model", ["model.json"], "label:", cache=cache)
    assert found == cache / "models--own--model/snapshots" / COMMIT
    message = (
        rf"^label: the hub cannot deliver own/absent \(.*({reason}).*\); check the network and {variable}, or else$"
    )
    with pytest.raises(UserError, match=message):
        download_snapshot("own/absent", ["model.json"], "label:", ", or else", cache=cache)


def test_the_advice_names_the_variables_that_are_set(set_variable: pytest.MonkeyPatch) -> None:
    assert check_network() == "check the network"
    set_variable.setenv("HF_ENDPOINT", "x")
    set_variable.setenv("no_proxy", "")
    set_variable.setenv("all_proxy", "y")
    assert check_network() == "check the network and HF_ENDPOINT and all_proxy"


def test_an_error_response_of_the_hub_is_not_hidden_by_the_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import HFValidationError

    def refuse(model: str, local_files_only: bool = False, **_: object) -> str:
        if local_files_only:
            return str(cache)
        raise HFValidationError("no such name")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(UserError, match="no such name"):
        download_snapshot("own/model", ["model.json"], "label:", cache=cache)


def test_without_a_home_folder_the_error_requires_a_cache_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    requested = []
    monkeypatch.setattr(
        "huggingface_hub.snapshot_download", lambda _, cache_dir, **__: requested.append(cache_dir) or "x"
    )
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "ESPNET_EXT_CACHE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match="ESPNET_EXT_CACHE"):
        download_snapshot("own/model", [], "label:")
    monkeypatch.setenv("ESPNET_EXT_CACHE", str(tmp_path))
    download_snapshot("own/model", [], "label:")
    assert requested == [tmp_path / "hub"]
