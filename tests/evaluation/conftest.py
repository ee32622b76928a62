"""A small evaluation on disk: two sets in dump/, systems in embeddings/, an attributes file."""

from dataclasses import dataclass
from pathlib import Path

import kaldiio
import numpy as np
import pytest

from espnet_ext.bin import score
from espnet_ext.kaldi.scp import write_scp

ATTRIBUTES = """
attributes:
  sem:
    target: {teacher: usem, from: text}
    head: {dim: 16, hidden_dim: 16}
    objective: {name: cosine}
    scoring: [retrieval]
  spk:
    target: {teacher: resemblyzer, from: speech}
    head: {dim: 16, hidden_dim: 16}
    objective: {name: cosine}
    scoring: [verification]
"""


@dataclass
class World:
    """Sentences in several languages by one speaker each, and speakers with several utterances each."""

    root: Path
    languages: tuple[str, ...] = ("eng", "fra", "spa")
    sentences: int = 12
    speakers: int = 8
    per_speaker: int = 5
    dim: int = 16
    num_nontarget: int = 200

    def __post_init__(self) -> None:
        rng = np.random.default_rng(1)
        self.meaning = rng.standard_normal((self.sentences, self.dim))
        self.voice = rng.standard_normal((self.speakers, self.dim))
        (self.root / "attributes.yaml").write_text(ATTRIBUTES)
        self._write_sentences()
        self._write_speakers(rng)

    def score(self, *options: str) -> Path:
        """Run the command `score` on all sets and systems; return results.tsv."""
        out = self.root / "results/results.tsv"
        words = f"score --attributes {self.root}/attributes.yaml --dump_dir {self.root}/dump --out {out}"
        words += f" --teacher --system joint={self.root}/embeddings/joint --bootstrap 20"
        words += f" --system single={self.root}/embeddings/single"
        words += " --retrieval_sets test_sent --verification_sets test_spk"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.argv", [*words.split(), *options])
            score.main()
        return out

    def _write_sentences(self) -> None:
        names = [f"v{lang}-s{i:03d}" for lang in self.languages for i in range(self.sentences)]
        folder = self.root / "dump/test_sent"
        write_scp(folder / "utt2sent", {name: name[-4:] for name in names})
        write_scp(folder / "utt2lang", {name: name[1:4] for name in names})
        write_scp(folder / "utt2spk", {name: name[:4] for name in names})
        self.spoken = names

    def _write_speakers(self, rng: np.random.Generator) -> None:
        names = [f"p{i:02d}-u{k:02d}" for i in range(self.speakers) for k in range(self.per_speaker)]
        pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
        trials = [f"1 {a} {b}" for a, b in pairs if a[:3] == b[:3]]
        others = [f"0 {a} {b}" for a, b in pairs if a[:3] != b[:3]]
        trials += [others[i] for i in rng.permutation(len(others))[: self.num_nontarget]]
        folder = self.root / "dump/test_spk"
        write_scp(folder / "utt2spk", {name: name[:3] for name in names})
        (folder / "trials").mkdir()
        (folder / "trials/unseen").write_text("\n".join(trials) + "\n")
        self.voiced = names

    def add_targets(self, noise: float = 0.3) -> None:
        """Write the targets of the teachers: text of test_sent, speech of both sets."""
        write_vectors(self.root / "dump/test_sent", "target_sem", self._sem(self.spoken, noise, seed=2))
        write_vectors(self.root / "dump/test_sent", "target_spk", self._noise(self.spoken, seed=3))
        write_vectors(self.root / "dump/test_spk", "target_spk", self._spk(self.voiced, noise, seed=4))

    def add_system(self, name: str, noise: float, attributes: tuple[str, ...] = ("sem", "spk")) -> Path:
        """Write the embeddings of a system, worse with larger `noise`; return their root."""
        root = self.root / "embeddings" / name
        for attribute in attributes:
            sem = attribute == "sem"
            spoken = self._sem(self.spoken, noise, 5) if sem else self._noise(self.spoken, 6)
            voiced = self._noise(self.voiced, 7) if sem else self._spk(self.voiced, noise, 8)
            write_vectors(root / "test_sent", attribute, spoken)
            write_vectors(root / "test_spk", attribute, voiced)
        return root

    def _sem(self, names: list[str], noise: float, seed: int) -> dict[str, np.ndarray]:
        return self._near({name: self.meaning[int(name[-3:])] for name in names}, noise, seed)

    def _spk(self, names: list[str], noise: float, seed: int) -> dict[str, np.ndarray]:
        return self._near({name: self.voice[int(name[1:3])] for name in names}, noise, seed)

    def _noise(self, names: list[str], seed: int) -> dict[str, np.ndarray]:
        return self._near({name: np.zeros(self.dim) for name in names}, 1.0, seed)

    def _near(self, centers: dict[str, np.ndarray], noise: float, seed: int) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(seed)
        return {name: center + noise * rng.standard_normal(self.dim) for name, center in centers.items()}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Files of three systems: teachers, a good joint system and a single-task system."""
    world = World(tmp_path)
    world.add_targets()
    world.add_system("joint", noise=0.8)
    world.add_system("single", noise=1.2, attributes=("sem",))
    return world


def write_vectors(folder: Path, name: str, vectors: dict[str, np.ndarray]) -> None:
    """Write unit float32 vectors to `<folder>/<name>.{scp,ark}`."""
    folder.mkdir(parents=True, exist_ok=True)
    unit = {key: (row / np.linalg.norm(row)).astype(np.float32) for key, row in sorted(vectors.items())}
    kaldiio.save_ark(str(folder / f"{name}.ark"), unit, scp=str(folder / f"{name}.scp"))
