"""Retrieval of n sentences among n: this repository against whole float64 matrices and FAISS, side by side.

Each way runs in a separate process on the same random data; the peak is that of the process, data included.
CPU seconds count all threads, and do not grow when the machine is shared; the extrapolation is of these.

    tools/venv/bin/python benchmarks/retrieval_throughput.py --n 10000 --threads 1
"""

import argparse
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from espnet_ext.scoring.ranks import Products, rank_queries
from espnet_ext.scoring.rows import UnitRows
from espnet_ext.scoring.xsim import rank_aligned

LARGE = 100_000
NOISE = 2.5
Sides = tuple[np.ndarray, np.ndarray]


def make_sides(n: int, dim: int) -> Sides:
    """Two float32 (n, dim) sides; row i of one is the translation of row i of the other, with noise that hides many."""
    rng = np.random.default_rng(0)
    meaning = rng.standard_normal((n, dim), dtype=np.float32)
    return tuple(meaning + NOISE * rng.standard_normal((n, dim), dtype=np.float32) for _ in range(2))


def whole_matrix(sides: Sides) -> np.ndarray:
    """All cosines in float64, nine decimals."""
    x, y = (side.astype(np.float64) for side in sides)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    return np.round(x @ y.T, 9)


def ranks_of_matrix(sides: Sides) -> np.ndarray:
    """Ranks with the tie rule, from the whole matrix."""
    cosines = whole_matrix(sides)
    return (cosines >= cosines.diagonal()[:, None]).sum(axis=1)


def margin_of_matrix(sides: Sides) -> np.ndarray:
    """xSIM errors by margin (k = 4), from the whole matrix."""
    cosines = whole_matrix(sides)
    near = np.partition(cosines, -4, axis=1)[:, -4:]
    others = np.partition(cosines, -4, axis=0)[-4:].mean(axis=0)
    margins = cosines / ((near.mean(axis=1)[:, None] + others) / 2)
    margins[cosines < near.min(axis=1, keepdims=True)] = -np.inf
    return margins.argmax(axis=1) != np.arange(len(cosines))


def top_of_faiss(sides: Sides) -> np.ndarray:
    """1 if the correct candidate is first in FAISS's exact index; neither ties nor ranks."""
    import faiss

    for side in sides:
        faiss.normalize_L2(side)
    index = faiss.IndexFlatIP(sides[0].shape[1])
    index.add(sides[1])
    _, found = index.search(sides[0], 5)
    return np.where(found[:, 0] == np.arange(len(found)), 1, 2)


def unit_sides(sides: Sides) -> tuple[UnitRows, UnitRows]:
    return tuple(UnitRows.of(side, range(len(side))) for side in sides)


def our_ranks(sides: Sides) -> np.ndarray:
    """Ranks with the tie rule."""
    every = np.arange(len(sides[0]))
    return rank_queries(*unit_sides(sides), every, every, Products())[0]


def our_margin(sides: Sides) -> np.ndarray:
    """xSIM errors by margin, and the ranks by cosine with them."""
    return rank_aligned(*unit_sides(sides), Products())[1] != 1


WAYS: dict[str, tuple[str, Callable[[Sides], np.ndarray]]] = {
    "whole float64 matrix": ("R@1 R@5 MRR", ranks_of_matrix),
    "FAISS IndexFlatIP, top 5": ("R@1 R@5, no ties", top_of_faiss),
    "this repository": ("R@1 R@5 MRR", our_ranks),
    "whole float64 matrix ": ("xSIM margin", margin_of_matrix),
    "this repository ": ("R@1 R@5 MRR, xSIM margin", our_margin),
}


def measure(way: str, n: int, dim: int, out: multiprocessing.SimpleQueue) -> None:
    """Run one way: seconds, peak in GiB, and the fraction of first ranks (or of errors)."""
    sides = make_sides(n, dim)
    started, cpu_started = time.perf_counter(), time.process_time()
    outcome = WAYS[way][1](sides)
    elapsed_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu_started
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    out.put((elapsed_s, cpu_s, peak_gib, float(np.mean(outcome == 1)), hash(np.asarray(outcome, np.int64).tobytes())))


def main() -> None:
    """Measure each way and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=10_000, help="queries, and as many candidates")
    parser.add_argument("--dim", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONHASHSEED"):
        os.environ[name] = str(args.threads)
    spawn = multiprocessing.get_context("spawn")
    print(f"{args.n:,} x {args.n:,}, {args.dim} dimensions, {args.threads} threads, numpy {np.__version__}\n")
    print(f"| way | output | s | CPU s | ns per score | peak GiB | 100,000 x 100,000 | value % |\n|{'---|' * 8}")
    for way, (gives, _) in WAYS.items():
        if "FAISS" in way and not find_spec("faiss"):
            continue
        out = spawn.SimpleQueue()
        process = spawn.Process(target=measure, args=(way, args.n, args.dim, out))
        process.start()
        elapsed_s, cpu_s, peak_gib, share, digest = out.get()
        process.join()
        scores = args.n**2
        print(
            f"| {way.strip()} | {gives} | {elapsed_s:.1f} | {cpu_s:.1f} | {1e9 * cpu_s / scores:.1f} | {peak_gib:.2f} "
            f"| {cpu_s * LARGE**2 / scores / 60:.0f} min | {100 * share:.2f} ({digest & 0xFFFF:04x}) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
