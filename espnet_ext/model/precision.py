"""The dtype of matrix products: bfloat16 where a device computes it natively, float32 elsewhere."""

import os
from pathlib import Path

from espnet_ext.utils.errors import UserError

AUTO = "auto"
AUTOCAST_NAMES = (AUTO, "float32", "bfloat16")
# Instructions that multiply bfloat16 numbers, under their names in `torch.cpu.get_capabilities`.
X86_CAPABILITIES = ("avx512_bf16", "amx_bf16")
ARM_CAPABILITY = "bf16"
# Values of ONEDNN_MAX_CPU_ISA that rule these instructions out.
ISA_LIMITS = {"sse41", "avx", "avx2", "avx2_vnni", "avx2_vnni_2", "avx512_core", "avx512_core_vnni"}


def missing_bfloat16(device: str) -> str:
    """Reason why a device does not compute bfloat16 natively; empty if it does.

    Args:
        device: `cpu`, `cuda` or `cuda:<number>`.
    """
    # Programs that only need the names above do not wait for torch.
    import torch

    if device.startswith("cuda"):
        return "" if torch.cuda.is_bf16_supported(including_emulation=False) else "this GPU has no native bfloat16"
    capabilities = torch.cpu.get_capabilities()
    on_x86 = any(capabilities.get(name) for name in X86_CAPABILITIES)
    if not on_x86 and not capabilities.get(ARM_CAPABILITY):
        return "this CPU has no native bfloat16"
    limit = torch.backends.cpu.get_cpu_capability()
    if on_x86 and not limit.startswith("AVX512"):
        return f"ATEN_CPU_CAPABILITY limits this CPU to {limit}, which has no bfloat16"
    isa = os.environ.get("ONEDNN_MAX_CPU_ISA", "")
    if on_x86 and isa.lower() in ISA_LIMITS:
        return f"ONEDNN_MAX_CPU_ISA limits this CPU to {isa}, which has no bfloat16"
    return ""


def resolve_autocast(name: str, device: str) -> str:
    """Dtype that a name of `AUTOCAST_NAMES` means on a device: `float32` or `bfloat16`.

    Raises:
        UserError: an unknown name.
    """
    if name not in AUTOCAST_NAMES:
        raise UserError(f"autocast: unknown {name!r}; legal: {', '.join(AUTOCAST_NAMES)}")
    if name != AUTO:
        return name
    return "float32" if missing_bfloat16(device) else "bfloat16"


def choose_autocast(
    name: str, device: str, existing: str | None = None, owner: str | Path = "", silent: bool = False
) -> str:
    """Resolve `name`; print the dtype with its reason, and a warning where the other dtype is faster.

    Args:
        name: of `AUTOCAST_NAMES`.
        device: that computes.
        existing: dtype of the layer cache or training that this run continues; `auto` keeps it on every device.
        owner: folder of that cache or training.
        silent: print nothing.

    Raises:
        UserError: an unknown name.
    """
    native = resolve_autocast(AUTO, device)
    chosen = existing if name == AUTO and existing else resolve_autocast(name, device)
    if not silent:
        print(f"  precision: {chosen} ({_reason(name, device, chosen, native, owner)})", flush=True)
        if warning := _warning(name, device, chosen, native):
            print(f"  warning: {warning}", flush=True)
    return chosen


def _reason(name: str, device: str, chosen: str, native: str, owner: str | Path) -> str:
    if name != AUTO:
        return f"autocast: {name}"
    if chosen != native:
        return f"kept, {owner} was started with it"
    return missing_bfloat16(device) or f"native on this {'GPU' if device.startswith('cuda') else 'CPU'}"


def _warning(name: str, device: str, chosen: str, native: str) -> str:
    if chosen == native or (name, chosen) == ("float32", "float32"):
        return ""
    if chosen == "float32":
        return "bfloat16 is faster on this device; autocast: bfloat16 starts again with it"
    advice = "autocast: float32 starts again without it" if name == AUTO else "autocast: auto avoids it"
    return (
        f"{missing_bfloat16(device)}: it is emulated in software, 7 times slower than float32 on an AVX2 CPU; {advice}"
    )
