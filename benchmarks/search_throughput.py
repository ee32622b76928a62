"""Search over several attributes: this repository next to FAISS's inverted files and LanceDB.

Vectors are random but clustered as embeddings are: sentences, voices and languages, each recording near the center of
its own. Each way runs in its own process, one query at a time, with all files in the page cache. The peak is that of
the process, with imports and mapped pages of the index. FAISS and LanceDB search the rows of the index, which contain
all attributes side by side. LanceDB is measured where it is installed (pip install lancedb, in another environment).
Cells are median / 95th percentile of the time of a query, the median of its processor time, which hardly grows when
the machine is shared, and how many of the exact ten best were found.

    OMP_NUM_THREADS=1 tools/venv/bin/python benchmarks/search_throughput.py --n 100000
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from itertools import batched
from pathlib import Path

import numpy as np

from espnet_ext.audio.waveform import AudioSource
from espnet_ext.kaldi.sources import make_entries
from espnet_ext.search.index import SearchIndex
from espnet_ext.search.query import QueryTerm, search

DIMS = {"sem": 512, "spk": 256, "lang": 64}
NUM_QUERIES = 50
TOP = 10
# Fraction of a vector's length that is not from its cluster.
NOISE = 0.6
# attribute -> weight.
QUERIES = {
    "sem": {"sem": 1.0},
    "spk": {"spk": 1.0},
    "lang": {"lang": 1.0},
    "sem + 0.5 spk": {"sem": 1.0, "spk": 0.5},
    "sem + 0.5 spk - lang": {"sem": 1.0, "spk": 0.5, "lang": -1.0},
}
Ask = Callable[[Sequence[QueryTerm]], list[int]]


def make_vectors(attribute: str, rows: np.ndarray, n: int) -> np.ndarray:
    """(rows, dim) unit vectors of recordings; rows from `n` on are of queries."""
    dim = DIMS[attribute]
    clusters = {"sem": n // 20, "spk": n // 100, "lang": 5}[attribute]
    seed = list(DIMS).index(attribute)
    vectors = np.empty((len(rows), dim), np.float32)
    for place, row in enumerate(rows.tolist()):
        random = np.random.default_rng((seed, 1, row))
        center = np.random.default_rng((seed, 2, random.integers(clusters))).standard_normal(dim, np.float32)
        vectors[place] = (1 - NOISE**2) ** 0.5 * center + NOISE * random.standard_normal(dim, np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def make_queries(n: int) -> dict[str, list[list[QueryTerm]]]:
    rows = np.arange(n, n + NUM_QUERIES)
    vectors = {name: make_vectors(name, rows, n) for name in DIMS}
    return {
        kind: [
            [QueryTerm(name, "", weight, vectors[name][i]) for name, weight in weights.items()]
            for i in range(len(rows))
        ]
        for kind, weights in QUERIES.items()
    }


def build(folder: Path, n: int) -> list[str]:
    """Index n recordings; vectors per second without the time that it takes to make them."""
    (folder / "audio.ark").touch()
    sources = {f"{row:08d}": AudioSource(f"{folder}/audio.ark:{row}") for row in range(n)}
    manifest = {"model": {}, "autocast": "float32", "attributes": DIMS}
    index = SearchIndex.open_or_create(folder / "index", manifest)
    rows_s = 0.0
    for rows in batched(enumerate(make_entries(sources)), 256):
        vectors = {name: make_vectors(name, np.array([row for row, _ in rows]), n) for name in DIMS}
        started = time.perf_counter()
        index.add([entry for _, entry in rows], vectors)
        rows_s += time.perf_counter() - started
    index = SearchIndex(folder / "index")
    started = time.perf_counter()
    index.update_codes()
    codes_s = time.perf_counter() - started
    return [
        f"rows: {n / rows_s:,.0f} recordings per second, {mib(index.folder, '*.f32'):,.0f} MiB; "
        f"codes: {n / codes_s:,.0f} per second, {mib(index.folder, '*.faiss'):,.0f} MiB; peak GiB {memory()}"
    ]


def mib(folder: Path, pattern: str) -> float:
    return sum(path.stat().st_size for path in folder.rglob(pattern)) / 2**20


def our_way(approximate: bool) -> Callable[[Path], Ask]:
    def prepare(folder: Path) -> Ask:
        index = SearchIndex(folder / "index")
        codes = index.codes() if approximate else None
        return lambda terms: [int(hit.recording) for hit in search(index, terms, TOP, codes)]

    return prepare


def faiss_inverted_files(folder: Path) -> Ask:
    import faiss

    vectors = SearchIndex(folder / "index").vectors
    index = faiss.index_factory(vectors.shape[1], "IVF256,Flat", faiss.METRIC_INNER_PRODUCT)
    index.train(vectors[:32_768])
    index.add(vectors)
    index.nprobe = 16
    return lambda terms: index.search(one_vector(terms)[None], TOP)[1][0].tolist()


def lance_exact(folder: Path) -> Ask:
    import lancedb
    import pyarrow

    vectors = SearchIndex(folder / "index").vectors
    fields = {"id": pyarrow.int64(), "vector": pyarrow.list_(pyarrow.float32(), vectors.shape[1])}
    table = lancedb.connect(str(folder / "lance")).create_table("vectors", schema=pyarrow.schema(list(fields.items())))
    for start in range(0, len(vectors), 4096):
        rows = vectors[start : start + 4096]
        column = pyarrow.FixedSizeListArray.from_arrays(rows.ravel(), rows.shape[1])
        table.add(pyarrow.table({"id": np.arange(start, start + len(rows)), "vector": column}))
    return lambda terms: table.search(one_vector(terms)).distance_type("dot").limit(TOP).to_arrow()["id"].to_pylist()


def one_vector(terms: Sequence[QueryTerm]) -> np.ndarray:
    weighted = {term.attribute: term.weight * term.vector for term in terms}
    return np.concatenate([weighted.get(name, np.zeros(dim)) for name, dim in DIMS.items()]).astype(np.float32)


WAYS: dict[str, Callable[[Path], Ask]] = {
    "this repository, exact (FAISS flat, mapped)": our_way(approximate=False),
    "this repository, codes": our_way(approximate=True),
    "FAISS IVF256,Flat, 16 probes, in memory": faiss_inverted_files,
    "LanceDB, exact": lance_exact,
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
    """Peak of the process in GiB, and its current memory without pages of the index that are mapped from disk."""
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
            if "LanceDB" in way and not find_spec("lancedb"):
                continue
            in_process(measure, way, Path(name), args.n)


if __name__ == "__main__":
    main()
