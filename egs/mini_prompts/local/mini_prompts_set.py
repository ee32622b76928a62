"""A set of egs/mini_prompts: its utterances by package, and its data directory."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import kde
from espnet_ext.audio import RATE
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.trials import make_trials, write_trials
from espnet_ext.kaldi.utterances import Utterance, write_utterances
from espnet_ext.kaldi.validate import validate_data_dir
from espnet_ext.utils.atomic import atomic_folder, write_json_atomic
from packages.debian import DebianPackages
from packages.pinned import DEBIAN_PACKAGES

SYNTHESIZER = "espeak-ng"
MAX_NONTARGET_TRIALS = 45_000


@dataclass
class GatheredSet:
    """An unfinished set: source -> utterances, and the utterances that are left out."""

    sources: dict[str, list[Utterance]] = field(default_factory=dict)
    excluded: Exclusions = field(default_factory=Exclusions)

    def add(self, source: str, utterances: Iterable[Utterance]) -> None:
        self.sources.setdefault(source, []).extend(utterances)

    @property
    def utterances(self) -> list[Utterance]:
        return [utterance for utterances in self.sources.values() for utterance in utterances]


def write_gathered_set(target: Path, gathered: GatheredSet, packages: DebianPackages) -> str:
    """Write a data directory, and return a line that describes it."""
    counts = {source: _count(utterances) for source, utterances in sorted(gathered.sources.items())}
    with atomic_folder(target) as temporary:
        write_utterances(temporary, gathered.utterances)
        gathered.excluded.write(temporary / "excluded.tsv")
        provenance = {
            "corpus": "mini_prompts",
            "sources": {name: _origin(name, packages) | count for name, count in counts.items()},
            "excluded": gathered.excluded.counts(),
        }
        if SYNTHESIZER in counts:
            provenance["catalogues"] = catalogue_versions(packages)
        write_json_atomic(temporary / "provenance.json", provenance)
        if target.name == "test_spk":
            utt2spk = {utterance.id: utterance.speaker for utterance in gathered.utterances}
            write_trials(
                temporary / "trials/verification",
                make_trials(utt2spk, _kde_languages(gathered), MAX_NONTARGET_TRIALS),
            )
        validate_data_dir(temporary)
    parts = ", ".join(f"{name} {count['utterances']} ({count['minutes']} min)" for name, count in counts.items())
    return f"{len(gathered.utterances)} utterances: {parts}; {gathered.excluded.summary()}"


def catalogue_versions(packages: DebianPackages) -> dict[str, dict[str, str]]:
    """Version and sha256 of each package of catalogues, or the reason why it is absent."""
    present = {
        name: {"version": package.version, "sha256": package.sha256}
        for name, package in packages.unpacked.items()
        if DEBIAN_PACKAGES[name].optional
    }
    return dict(sorted((present | {name: {"absent": reason} for name, reason in packages.absent.items()}).items()))


def describe_catalogues(packages: DebianPackages) -> str | None:
    """One line about the catalogues that are absent or differ from Debian 12; None if there are no such catalogues."""
    versions = catalogue_versions(packages)
    changed = [name for name, row in versions.items() if row.get("sha256") not in (None, DEBIAN_PACKAGES[name].sha256)]
    if not changed and not packages.absent:
        return None
    return (
        f"{len(versions)} packages of text catalogues: {len(packages.absent)} absent, {len(changed)} other than in "
        "Debian 12; this changes the synthetic training sentences only (catalogues in train/provenance.json)"
    )


def _origin(source: str, packages: DebianPackages) -> dict[str, str]:
    if source == SYNTHESIZER:
        return {"licence": "made here with espeak-ng (GPL-3+) from the prompts and gettext catalogues"}
    package = packages.unpacked[source]
    return {"version": package.version, "sha256": package.sha256, "licence": DEBIAN_PACKAGES[source].license}


def _count(utterances: list[Utterance]) -> dict[str, float]:
    samples = sum(utterance.num_samples for utterance in utterances)
    return {"utterances": len(utterances), "minutes": round(samples / RATE / 60, 1)}


def _kde_languages(gathered: GatheredSet) -> dict[str, str]:
    """Groups of speakers that are not compared in trials: KDE speakers of one language may be the same person."""
    kde_utterances = [u for package in kde.PACKAGES for u in gathered.sources.get(package, [])]
    return {utterance.speaker: f"kde {utterance.language}" for utterance in kde_utterances}
