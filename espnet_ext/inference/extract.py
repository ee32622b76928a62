"""Extract embeddings of dump directories, shard by shard."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import batched, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from espnet_ext.dump.executor import Executor, run_jobs
from espnet_ext.inference.predictions import read_classifiers, write_predictions
from espnet_ext.inference.utt_encoder import UttEncoder
from espnet_ext.kaldi.archives import check_dumped_length, name_dumped, read_dumped
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.kaldi.vectors import write_vectors
from espnet_ext.model.encoder_weights import weight_files
from espnet_ext.model.saved_model import load_encoder, load_model, model_hashes, read_attributes
from espnet_ext.model.utt_model import UntrainedModel
from espnet_ext.teachers.runtime import Runtime
from espnet_ext.utils.atomic import remove_temporary
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.provenance import reset_if_changed, sha256_of

SHARD_UTTERANCES = 512
# Threads that decode while the model computes: enough for a GPU, little load for a CPU.
READ_THREADS = 4
# Utterances that are read ahead; more would need much memory if they are long.
READ_AHEAD = 64


class System(NamedTuple):
    """A model, or the pretrained encoder as a baseline, and how to run it.

    Attributes:
        folder: folder of a trained model, or of a pretrained encoder if `untrained`.
        attributes: attributes to write.
        untrained: use the mean of the encoder's frames and layers.
        device: `cpu`, `cuda` ...; None = the GPU if there is one.
        autocast: dtype of a trained model's matrix products, `float32` or `bfloat16`.
    """

    folder: Path
    attributes: tuple[str, ...]
    untrained: bool = False
    device: str | None = "cpu"
    autocast: str = "float32"

    def provenance(self) -> dict[str, str | list[str]]:
        """Everything that its embeddings depend on, except the device and the audio."""
        if self.untrained:
            files = [*sorted(self.folder.glob("*config.json")), *weight_files(self.folder)]
            hashes = {path.name: sha256_of(path) for path in files}
        else:
            hashes = model_hashes(self.folder)
        return {**hashes, "attributes": list(self.attributes), "autocast": self.autocast}


class ShardJob(NamedTuple):
    """Write the archives `<folder>/<attribute>.<index>.ark`, one for each attribute, of the utterances in `wav_scp`.

    Attributes:
        num_samples: samples of each utterance in utt2num_samples.
    """

    system: System
    folder: Path
    number: int
    wav_scp: dict[str, str]
    num_samples: tuple[int, ...]

    def ark(self, attribute: str) -> Path:
        return self.folder / f"{attribute}.{self.number}.ark"

    def is_done(self) -> bool:
        """Check whether the archives of all attributes and their scp files exist."""
        arks = [self.ark(name) for name in self.system.attributes]
        return all(path.exists() for ark in arks for path in (ark, ark.with_suffix(".scp")))


def extract(system: System, dumps: Sequence[Path], out: Path, executor: Executor) -> Iterator[int]:
    """Write `<out>/<set>/<attribute>.scp` of every dump directory, and its archives `<attribute>.<shard>.ark`.

    The predictions of an attribute that was learned from labels are written next to its embeddings. Complete shards of
    an interrupted run are kept if they are of the same system and audio.

    Yields:
        samples that were computed, after every shard.

    Raises:
        UserError: the model lacks an attribute or cannot be loaded, audio cannot be read or is not of the listed
            length, or a process died.
    """
    provenance = system.provenance()
    known = system.attributes if system.untrained else read_attributes(system.folder)
    if unknown := [name for name in system.attributes if name not in known]:
        raise UserError(f"--attributes {unknown[0]}: the model {system.folder} has {', '.join(known)}")
    jobs: list[ShardJob] = []
    for dump in dumps:
        folder = out / dump.name
        reset_if_changed(folder, provenance | {"audio": sha256_of(dump / "wav.scp")})
        lengths = DataDir(dump).utt2num_samples
        for index, shard in enumerate(batched(read_scp(dump / "wav.scp").items(), SHARD_UTTERANCES)):
            jobs.append(ShardJob(system, folder, index, dict(shard), tuple(lengths.get(name, 0) for name, _ in shard)))
    for _, num_samples in run_jobs(extract_shard, jobs, executor):
        yield num_samples
    classifiers = {} if system.untrained else read_classifiers(system.folder)
    for dump in dumps:
        _merge(system, out / dump.name, [job for job in jobs if job.folder == out / dump.name])
        for name in set(system.attributes) & set(classifiers):
            write_predictions(out / dump.name, name, classifiers[name])


def extract_shard(job: ShardJob) -> int:
    """Write one shard unless it exists; returns the number of samples that were computed."""
    if job.is_done():
        return 0
    encoder = _encoder(job.system)
    with ThreadPoolExecutor(READ_THREADS) as pool:
        speech = ReadAhead(list(job.wav_scp.values()), encoder.encoder.min_samples, pool)
        embeddings = encoder.encode(speech)
    for (utterance, entry), length, listed in zip(job.wav_scp.items(), speech.lengths, job.num_samples, strict=True):
        check_dumped_length(utterance, entry, length, listed)
    for name in job.system.attributes:
        write_vectors(job.ark(name), zip(job.wav_scp, embeddings[name], strict=True))
    return sum(speech.lengths)


class ReadAhead(Sequence[np.ndarray]):
    """Dumped utterances, float32 (samples,) each; threads read the next ones during an iteration.

    Args:
        entries: `archive:offset` of each utterance.
        min_samples: the encoder's minimum; a shorter utterance is a UserError that names it.
        pool: the threads.

    Attributes:
        lengths: lengths in samples of the utterances that were iterated over.
    """

    def __init__(self, entries: Sequence[str], min_samples: int, pool: ThreadPoolExecutor) -> None:
        self.entries, self.min_samples, self.pool = entries, min_samples, pool
        self.lengths: list[int] = []

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> np.ndarray:  # type: ignore[override]  # no slices
        return self._read(self.entries[index])

    def __iter__(self) -> Iterator[np.ndarray]:
        futures = (self.pool.submit(self._read, entry) for entry in self.entries)
        pending = deque(islice(futures, READ_AHEAD))
        while pending:
            samples = pending.popleft().result()
            pending.extend(islice(futures, 1))
            self.lengths.append(len(samples))
            yield samples

    def _read(self, entry: str) -> np.ndarray:
        samples = read_dumped(entry)
        if len(samples) < self.min_samples:
            raise UserError(
                f"{name_dumped(entry)}: {len(samples)} samples are too short for the encoder, which needs "
                f"{self.min_samples}; remove the utterance from the set and run stage 2 again"
            )
        return samples


@lru_cache(maxsize=1)
def _encoder(system: System) -> UttEncoder:
    """Model of a system, loaded once in a process."""
    device = Runtime(system.device).torch_device()
    if not system.untrained:
        return UttEncoder(load_model(system.folder, device, system.autocast))
    model = UntrainedModel(load_encoder(system.folder), list(system.attributes))
    return UttEncoder(model.to(device).eval())


def _merge(system: System, folder: Path, jobs: Sequence[ShardJob]) -> None:
    remove_temporary(folder)  # of processes that were killed
    for name in system.attributes:
        entries: dict[str, str] = {}
        for job in jobs:
            entries |= read_scp(job.ark(name).with_suffix(".scp"))
        write_scp(folder / f"{name}.scp", entries)
