"""Search over several attributes: this repository beside FAISS's flat and inverted-file indexes of the same vectors.

Vectors are random but clustered as embeddings are: sentences, voices and languages, each recording near the
centre of its own. Every way runs in a process of its own, one query at a time, all files in the page cache.
The peak is that of the process, imports and mapped pages of the index included. FAISS's indexes hold all
attributes side by side, as one vector, for there is no other way to ask them for a sum of cosines (inverted
files of one attribute alone would find more of its neighbours). Cells are median / 95th percentile of the time
of a query, the median of its processor time, which does not grow when the machine is shared, and how many of the
exact ten best were found.

    OMP_NUM_THREADS=1 tools/venv/bin/python benchmarks/search_throughput.py --n 100000
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import batched
from pathlib import Path
from typing import Any

import numpy as np

from espnet_ext.data.segments import AudioSource
from espnet_ext.search.build import build_index
from espnet_ext.search.codes import open_codes, update_codes
from espnet_ext.search.index import SearchIndex
from espnet_ext.search.manifest import Manifest
from espnet_ext.search.query import Term, search

DIMS = {"sem": 512, "spk": 256, "lang": 64}
NUM_QUERIES = 50
TOP = 10
# Of a vector's length, the share that is not its cluster's.
NOISE = 0.6
# attribute -> weight.
QUERIES = {
    "sem": {"sem": 1.0},
    "spk": {"spk": 1.0},
    "lang": {"lang": 1.0},
    "sem + 0.5 spk": {"sem": 1.0, "spk": 0.5},
    "sem + 0.5 spk - lang": {"sem": 1.0, "spk": 0.5, "lang": -1.0},
}
Ask = Callable[[Sequence[Term]], list[int]]


def make_vectors(attribute: str, rows: np.ndarray, n: int) -> np.ndarray:
    """(rows, dim) unit vectors of recordings; rows from `n` on are of queries."""
    dim = DIMS[attribute]
    clusters = {"sem": n // 20, "spk": n // 100, "lang": 5}[attribute]
    seed = list(DIMS).index(attribute)
    vectors = np.empty((len(rows), dim), np.float32)
    for place, row in enumerate(rows.tolist()):
        random = np.random.default_rng((seed, 1, row))
        centre = np.random.default_rng((seed, 2, random.integers(clusters))).standard_normal(dim, np.float32)
        vectors[place] = (1 - NOISE**2) ** 0.5 * centre + NOISE * random.standard_normal(dim, np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def make_queries(n: int) -> dict[str, list[list[Term]]]:
    rows = np.arange(n, n + NUM_QUERIES)
    vectors = {name: make_vectors(name, rows, n) for name in DIMS}
    return {
        kind: [[Term(name, "", weight, vectors[name][i]) for name, weight in weights.items()] for i in range(len(rows))]
        for kind, weights in QUERIES.items()
    }


def build(folder: Path, n: int) -> list[str]:
    """Index n recordings; vectors a second without the time that it takes to make them up."""
    (folder / "audio.ark").touch()
    sources = {f"{row:08d}": AudioSource(f"{folder}/audio.ark:{row}") for row in range(n)}
    making_s = 0.0

    def embed(audio: Sequence[AudioSource]) -> tuple[dict[str, np.ndarray], dict[int, str]]:
        nonlocal making_s
        started = time.perf_counter()
        rows = np.array([int(source.path.rpartition(":")[2]) for source in audio])
        vectors = {name: make_vectors(name, rows, n) for name in DIMS}
        making_s += time.perf_counter() - started
        return vectors, {}

    started = time.perf_counter()
    index = build_index(folder / "index", Manifest(model={}, autocast="float32", attributes=DIMS), sources, embed)
    segments_s = time.perf_counter() - started - making_s
    started = time.perf_counter()
    update_codes(index)
    codes_s = time.perf_counter() - started
    return [
        f"segments: {n / segments_s:,.0f} recordings a second, {mib(index.folder, '*.npy'):,.0f} MiB; "
        f"codes: {n / codes_s:,.0f} a second, {mib(index.folder, '*.faiss'):,.0f} MiB; peak GiB {memory()}"
    ]


def mib(folder: Path, pattern: str) -> float:
    return sum(path.stat().st_size for path in folder.rglob(pattern)) / 2**20


def our_way(approximate: bool) -> Callable[[Path], Ask]:
    def prepare(folder: Path) -> Ask:
        index = SearchIndex.open(folder / "index")
        codes = open_codes(index) if approximate else None
        return lambda terms: [int(hit.recording) for hit in search(index, terms, TOP, codes)]

    return prepare


def faiss_way(factory: str) -> Callable[[Path], Ask]:
    def prepare(folder: Path) -> Ask:
        import faiss

        segments = SearchIndex.open(folder / "index").segments
        index = faiss.index_factory(sum(DIMS.values()), factory, faiss.METRIC_INNER_PRODUCT)
        for part in batched(segments, 8):
            rows = np.concatenate([np.hstack([segment.vectors(name) for name in DIMS]) for segment in part])
            if not index.is_trained:
                index.train(rows)
            index.add(rows)
        if hasattr(index, "nprobe"):
            index.nprobe = 16
        return lambda terms: faiss_search(index, terms)

    return prepare


def faiss_search(index: Any, terms: Sequence[Term]) -> list[int]:
    weighted = {term.attribute: term.weight * term.vector for term in terms}
    query = np.concatenate([weighted.get(name, np.zeros(dim)) for name, dim in DIMS.items()])
    return index.search(query[None].astype(np.float32), TOP)[1][0].tolist()


WAYS: dict[str, Callable[[Path], Ask]] = {
    "this repository, exact": our_way(approximate=False),
    "this repository, codes": our_way(approximate=True),
    "FAISS Flat, in memory": faiss_way("Flat"),
    "FAISS IVF256,Flat, 16 probes, in memory": faiss_way("IVF256,Flat"),
}


def measure(way: str, folder: Path, n: int) -> list[str]:
    """Time to open, and of each kind of query the median and 95th percentile, and recall."""
    queries = make_queries(n)
    started = time.perf_counter()
    ask = WAYS[way](folder)
    open_s = time.perf_counter() - started
    cells = []
    for kind, asked in queries.items():
        found, wall_ms, cpu_ms = [], [], []
        for terms in asked:
            started, cpu_started = time.perf_counter(), time.process_time()
            found.append(ask(terms))
            wall_ms.append(1e3 * (time.perf_counter() - started))
            cpu_ms.append(1e3 * (time.process_time() - cpu_started))
        exact = folder / f"{kind}.npy"
        if not exact.exists():
            np.save(exact, found)
        recall = np.mean([len(set(a) & set(b)) / TOP for a, b in zip(found, np.load(exact).tolist(), strict=True)])
        times = f"{np.median(wall_ms):.1f} / {np.percentile(wall_ms, 95):.1f} ms, CPU {np.median(cpu_ms):.1f} ms"
        cells.append(f"{times}, {100 * recall:.1f} %")
    return [" | ".join(["", way, f"{open_s:.2f}", *cells, memory(), ""]).strip()]


def memory() -> str:
    """Peak of the process in GiB, and what it holds now besides pages of the index that are mapped from the disk."""
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    own_gib = int(Path("/proc/self/status").read_text().partition("RssAnon:")[2].split()[0]) / 2**20
    return f"{peak_gib:.2f} ({own_gib:.2f})"


def in_process(job: Callable[..., list[str]], *words: object) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(*pool.apply(job, words), sep="\n", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=100_000, help="recordings")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS), help="the exact one first")
    args = parser.parse_args()
    print(f"{args.n:,} recordings, {' + '.join(f'{name} {dim}' for name, dim in DIMS.items())} dimensions\n")
    with tempfile.TemporaryDirectory() as name:
        in_process(build, Path(name), args.n)
        print(f"\n| way | open s | {' | '.join(QUERIES)} | peak GiB (own) |\n|{'---|' * (len(QUERIES) + 3)}")
        for way in args.ways:
            in_process(measure, way, Path(name), args.n)


if __name__ == "__main__":
    main()
