"""The dtype of matrix products is native to the device, unless a cache or a training uses another one."""

from collections.abc import Callable

import pytest
import torch

from espnet_ext.model.precision import choose_autocast, missing_bfloat16, resolve_autocast
from espnet_ext.utils.errors import UserError

SLOW = "emulated in software, 7 times slower than float32"


@pytest.mark.parametrize(
    ("capabilities", "aten", "isa", "expected"),
    [
        ({"avx2": True, "avx512_bf16": False}, "AVX2", None, "float32"),
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, "AVX512", None, "float32"),
        ({"avx512_bf16": True}, "AVX512", None, "bfloat16"),
        ({"amx_bf16": True}, "AVX512", None, "bfloat16"),
        ({"avx512_bf16": True}, "AVX512", "AVX512_CORE_BF16", "bfloat16"),
        ({"avx512_bf16": True}, "AVX2", None, "float32"),
        ({"avx512_bf16": True}, "DEFAULT", None, "float32"),
        ({"avx512_bf16": True}, "AVX512", "AVX2", "float32"),
        ({"avx512_bf16": True}, "AVX512", "avx512_core", "float32"),
        ({"neon": True, "bf16": True}, "DEFAULT", None, "bfloat16"),
        ({"neon": True, "bf16": False}, "SVE256", None, "float32"),
        ({}, "DEFAULT", None, "float32"),
    ],
)
def test_auto_on_a_cpu_selects_a_native_dtype(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], aten: str, isa: str | None, expected: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: aten)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    if isa:
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", isa)
    assert resolve_autocast("auto", "cpu") == expected
    assert (missing_bfloat16("cpu") == "") is (expected == "bfloat16")
    for name in ("float32", "bfloat16"):
        assert resolve_autocast(name, "cpu") == name


@pytest.mark.parametrize(("native", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_auto_on_a_gpu_ignores_emulation(monkeypatch: pytest.MonkeyPatch, native: bool, expected: str) -> None:
    def is_bf16_supported(including_emulation: bool = True) -> bool:
        return native or including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_bf16_supported)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": not native})
    assert resolve_autocast("auto", "cuda:1") == expected


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(UserError, match="autocast: unknown 'fp16'; legal: auto, float32, bfloat16"):
        resolve_autocast("fp16", "cpu")


@pytest.mark.parametrize(
    ("native", "name", "existing", "chosen", "reason", "warning"),
    [
        (False, "auto", None, "float32", "this CPU has no native bfloat16", ""),
        (True, "auto", None, "bfloat16", "native on this CPU", ""),
        (True, "auto", "bfloat16", "bfloat16", "native on this CPU", ""),
        (False, "auto", "bfloat16", "bfloat16", "kept, exp/heads was started with it", SLOW),
        (True, "auto", "float32", "float32", "kept, exp/heads was started with it", "bfloat16 is faster"),
        (False, "bfloat16", None, "bfloat16", "autocast: bfloat16", SLOW),
        (False, "float32", "bfloat16", "float32", "autocast: float32", ""),
        (True, "float32", "bfloat16", "float32", "autocast: float32", ""),
        (True, "bfloat16", "float32", "bfloat16", "autocast: bfloat16", ""),
    ],
)
def test_the_choice_is_printed_once_with_its_reason(
    fake_bfloat16: Callable[[bool], None],
    capsys: pytest.CaptureFixture[str],
    native: bool,
    name: str,
    existing: str | None,
    chosen: str,
    reason: str,
    warning: str,
) -> None:
    fake_bfloat16(native)
    assert choose_autocast(name, "cpu", existing, "exp/heads") == chosen
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"  precision: {chosen} ({reason})"
    assert len(printed) == (2 if warning else 1)
    assert not warning or (printed[1].startswith("  warning: ") and warning in printed[1])
    assert choose_autocast(name, "cpu", existing, "exp/heads", silent=True) == chosen
    assert capsys.readouterr().out == ""
