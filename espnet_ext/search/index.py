"""An index on disk: recordings in an SQLite database, their vectors in a file of float32 rows, codes in a FAISS index.

A row contains the concatenated vectors of all attributes. It is valid once the database contains its recording, so a
killed process never leaves a partial write. The codes (4-bit product quantization, fast scan) are also of whole rows:
one scan serves a query by any attributes with weights of any sign. Neighbor graphs and trees cannot do this.

Andre, Kermarrec and Le Scouarnec, Accelerated nearest neighbor search with Quick ADC, 2017;
Douze et al., The Faiss library, arXiv 2401.08281.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from espnet_ext.kaldi.locators import stable_path
from espnet_ext.kaldi.sources import Entry, parse_entry
from espnet_ext.utils.atomic import atomic_path
from espnet_ext.utils.errors import UserError

DATABASE = "index.sqlite"
VECTORS = "vectors.f32"
CODES = "codes.faiss"
# Rows of the database start at 1. A changed recording keeps its row.
ADD = "INSERT INTO audio (id, entry) VALUES (?, ?) ON CONFLICT DO UPDATE SET entry = excluded.entry RETURNING row"
# Fewer vectors are searched exactly in a millisecond.
MIN_CODES = 1024
TRAIN_ROWS = 32_768


class SearchIndex:
    """A snapshot for queries, without rows that are added later; also the `EmbeddingStore` of a build.

    Args:
        folder: folder of an index.

    Attributes:
        manifest: properties that all vectors share; see `manifest_of`.
        columns: attribute -> its columns of `vectors`.
        vectors: (recordings, width) float32, mapped from the disk.

    Raises:
        UserError: the index does not exist, or a file is broken; names the file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / DATABASE).exists():
            raise UserError(f"{folder / DATABASE}: no such file; make the index with `search build`")
        with _transaction(folder / DATABASE) as database:
            self.manifest = json.loads(database.execute("SELECT content FROM manifest").fetchone()[0])
            num_rows = database.execute("SELECT coalesce(max(row), 0) FROM audio").fetchone()[0]
        ends = np.cumsum([0, *self.manifest["attributes"].values()]).tolist()
        self.columns = {name: slice(*ends[i : i + 2]) for i, name in enumerate(self.manifest["attributes"])}
        if num_rows * ends[-1] * 4 > (folder / VECTORS).stat().st_size:
            raise _broken(folder / VECTORS, "it is truncated")
        # An empty file cannot be mapped. np.asarray, because slicing np.memmap is slow.
        mapped = np.memmap(folder / VECTORS, np.float32, "r") if num_rows else np.empty(0, np.float32)
        self.vectors = np.asarray(mapped)[: num_rows * ends[-1]].reshape(num_rows, ends[-1])

    @classmethod
    def open_or_create(cls, folder: Path, manifest: Mapping[str, Any]) -> "SearchIndex":
        """Open the index of a build.

        Raises:
            UserError: its manifest differs from `manifest`, or `folder` contains other files.
        """
        if not (folder / DATABASE).exists():
            others = sorted(path.name for path in folder.glob("[!.]*") if path.name != VECTORS)
            if others:
                raise UserError(f"{folder}: not an index, and not empty ({others[0]}); name another folder")
            with atomic_path(folder / DATABASE) as temporary, _transaction(temporary) as database:
                (folder / VECTORS).touch()
                database.execute("PRAGMA journal_mode = MEMORY")  # no second temporary file
                database.execute("CREATE TABLE manifest (content TEXT)")
                database.execute("CREATE TABLE audio (row INTEGER PRIMARY KEY, id TEXT UNIQUE, entry TEXT)")
                database.execute("INSERT INTO manifest VALUES (?)", (json.dumps(manifest),))
        index = cls(folder)
        index.check_model(manifest)
        if index.manifest["autocast"] != manifest["autocast"]:
            raise UserError(f"{folder}: made with --autocast {index.manifest['autocast']}; give the same")
        return index

    def check_model(self, manifest: Mapping[str, Any]) -> None:
        """Raise a UserError if the index was built with another model."""
        other = [name for name, digest in self.manifest["model"].items() if manifest["model"].get(name) != digest]
        if other:
            raise UserError(
                f"{self.folder}: built with another model (sha256 of {', '.join(other)}); give --model of it"
            )

    def entries(self, rows: Iterable[int]) -> list[Entry]:
        """Recordings of the given rows."""
        query = "SELECT entry FROM audio WHERE row = ?"
        with _transaction(self.folder / DATABASE) as database:
            return [parse_entry(database.execute(query, (row + 1,)).fetchone()[0]) for row in rows]

    def missing(self, entries: Iterable[Entry]) -> set[str]:
        """Ids of recordings that are not in the index, or that have changed (size, time or spans).

        Raises:
            UserError: the index has the same id for another file.
        """
        with _transaction(self.folder / DATABASE) as database:
            known = [parse_entry(text) for (text,) in database.execute("SELECT entry FROM audio")]
        old = {entry.identity: entry for entry in known}
        new = {entry.identity: entry for entry in entries if old.get(entry.identity) != entry}
        for name, entry in new.items():
            before = old.get(name, entry)
            if stable_path(before.path) != stable_path(entry.path):
                raise UserError(f"{name}: {entry.path}, but {before.path} in {self.folder}; build another index")
        return set(new)

    def add(self, entries: Sequence[Entry], embeddings: Mapping[str, np.ndarray]) -> None:
        """Add recordings, or replace changed ones; see `EmbeddingStore`."""
        block = np.hstack([embeddings[name] for name in self.columns], dtype=np.float32)
        with _transaction(self.folder / DATABASE) as database, (self.folder / VECTORS).open("r+b") as stream:
            for entry, vector in zip(entries, block, strict=True):
                # JSON escapes file names that are not UTF-8.
                [(row,)] = database.execute(ADD, (json.dumps(entry.identity), json.dumps(entry))).fetchall()
                if row <= len(self.vectors):
                    (self.folder / CODES).unlink(missing_ok=True)  # they are codes of the old vectors
                stream.seek((row - 1) * vector.nbytes)
                stream.write(vector.tobytes())
            stream.flush()
            os.fsync(stream.fileno())

    def update_codes(self) -> None:
        """Write the codes of all vectors, if there are enough vectors."""
        if len(self.vectors) < MIN_CODES or self.codes():
            return
        # Two dimensions per code, or one if their number is odd.
        width = self.vectors.shape[1]
        codes = faiss.index_factory(width, f"PQ{width // (2 - width % 2)}x4fs", faiss.METRIC_INNER_PRODUCT)
        codes.train(self.vectors[:TRAIN_ROWS])
        codes.add(self.vectors)
        with atomic_path(self.folder / CODES) as temporary:
            faiss.write_index(codes, str(temporary))

    def codes(self) -> faiss.Index | None:
        """Codes of all vectors, in memory; None if there are no codes, or if recordings were added later."""
        path = self.folder / CODES
        try:
            codes = faiss.read_index(str(path)) if path.exists() else None
        except RuntimeError as error:
            raise _broken(path, error) from error
        return codes if codes and codes.ntotal == len(self.vectors) else None


@contextmanager
def _transaction(path: Path) -> Iterator[sqlite3.Connection]:
    """A transaction with an existing database; an error of SQLite is raised as a UserError.

    The database is opened for writing even to read, so that SQLite can roll back the transaction of a killed process.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as database, database:
            yield database
    except sqlite3.Error as error:
        raise _broken(path, error) from error


def _broken(path: Path, problem: object) -> UserError:
    return UserError(f"{path}: broken index file ({problem}); delete the index and build it again")
