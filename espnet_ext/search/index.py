"""An index on disk: recordings in an SQLite database, their vectors in a file of float32 rows, codes in a FAISS index.

A row contains the vectors of all attributes, one after the other. It counts once the database contains its recording,
so that a process that is killed never leaves half of a write. So do the codes (4-bit product quantization, fast scan):
one scan answers a query for any attributes, whatever the signs of the weights; graphs and trees over neighbors do not.

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
    """A snapshot for queries (rows that are added later are not seen), and the `EmbeddingStore` of a build.

    Args:
        folder: of an index.

    Attributes:
        manifest: properties that all vectors share; see `manifest_of`.
        columns: attribute -> its columns of `vectors`.
        vectors: (recordings, width) float32, mapped from the disk.

    Raises:
        UserError: there is no index, or a file is broken; names the file.
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
            raise _broken(folder / VECTORS, "it is cut")
        # Nothing of an empty file can be mapped. np.asarray: slices of np.memmap are slow to make.
        mapped = np.memmap(folder / VECTORS, np.float32, "r") if num_rows else np.empty(0, np.float32)
        self.vectors = np.asarray(mapped)[: num_rows * ends[-1]].reshape(num_rows, ends[-1])

    @classmethod
    def open_or_create(cls, folder: Path, manifest: Mapping[str, Any]) -> "SearchIndex":
        """Open the index of a build.

        Raises:
            UserError: it was made otherwise than `manifest` says, or `folder` contains other files.
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
        """Refuse (UserError) another model than the one that made the index."""
        other = [name for name, digest in self.manifest["model"].items() if manifest["model"].get(name) != digest]
        if other:
            raise UserError(
                f"{self.folder}: built with another model (sha256 of {', '.join(other)}); give --model of it"
            )

    def entries(self, rows: Iterable[int]) -> list[Entry]:
        """Recordings of some rows."""
        query = "SELECT entry FROM audio WHERE row = ?"
        with _transaction(self.folder / DATABASE) as database:
            return [parse_entry(database.execute(query, (row + 1,)).fetchone()[0]) for row in rows]

    def missing(self, entries: Iterable[Entry]) -> set[str]:
        """Ids of recordings that are not in the index, or that have changed (size, time or spans).

        Raises:
            UserError: an id that the index has for another file.
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
        """Add recordings, or replace those that have changed; see `EmbeddingStore`."""
        block = np.hstack([embeddings[name] for name in self.columns], dtype=np.float32)
        with _transaction(self.folder / DATABASE) as database, (self.folder / VECTORS).open("r+b") as stream:
            for entry, vector in zip(entries, block, strict=True):
                # JSON escapes file names that are not UTF-8.
                [(row,)] = database.execute(ADD, (json.dumps(entry.identity), json.dumps(entry))).fetchall()
                if row <= len(self.vectors):
                    (self.folder / CODES).unlink(missing_ok=True)  # of the vectors before the change
                stream.seek((row - 1) * vector.nbytes)
                stream.write(vector.tobytes())
            stream.flush()
            os.fsync(stream.fileno())

    def update_codes(self) -> None:
        """Write the codes of all vectors, unless there are few."""
        if len(self.vectors) < MIN_CODES or self.codes():
            return
        # Two dimensions a code, or one where their number is odd.
        width = self.vectors.shape[1]
        codes = faiss.index_factory(width, f"PQ{width // (2 - width % 2)}x4fs", faiss.METRIC_INNER_PRODUCT)
        codes.train(self.vectors[:TRAIN_ROWS])
        codes.add(self.vectors)
        with atomic_path(self.folder / CODES) as temporary:
            faiss.write_index(codes, str(temporary))

    def codes(self) -> faiss.Index | None:
        """The codes of all vectors, in memory; None where there are none, or recordings were added since."""
        path = self.folder / CODES
        try:
            codes = faiss.read_index(str(path)) if path.exists() else None
        except RuntimeError as error:
            raise _broken(path, error) from error
        return codes if codes and codes.ntotal == len(self.vectors) else None


@contextmanager
def _transaction(path: Path) -> Iterator[sqlite3.Connection]:
    """A transaction with an existing database; an error of SQLite is raised as a UserError.

    It is opened for writing even to read, so that SQLite can undo the transaction of a process that was killed.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as database, database:
            yield database
    except sqlite3.Error as error:
        raise _broken(path, error) from error


def _broken(path: Path, problem: object) -> UserError:
    return UserError(f"{path}: broken index file ({problem}); delete the index and build it again")
