"""The sets of egs/fleurs_voxceleb that come from VoxCeleb 1 and 2."""

from collections.abc import Sequence
from pathlib import Path

from espnet_ext.data.corpora.fleurs_voxceleb_options import FleursVoxcelebOptions
from espnet_ext.data.corpora.incomplete import incomplete
from espnet_ext.data.corpora.prepared_set import NotPrepared, PreparedSet, Sets, or_not_prepared
from espnet_ext.data.corpora.published_counts import check_counts, trial_counts, voxceleb_counts
from espnet_ext.data.corpora.voxceleb import parse_voxceleb
from espnet_ext.data.corpora.voxceleb_split import hold_out_speakers, spread_over_videos
from espnet_ext.data.corpora.voxceleb_trials import LISTS, check_known, make_dev_trials, read_trial_list
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.trials import Trial
from espnet_ext.kaldi.utterances import Utterance

# Enough for calibration (about 17,000 target trials of 100 speakers), few enough to validate with in training.
VALID_PER_SPEAKER = 20
LICENCE = "CC-BY 4.0 (lists and cuts; the videos remain their owners')"


def voxceleb2_sets(options: FleursVoxcelebOptions, data: Path) -> Sets:
    """voxceleb2_train, voxceleb2_valid (speakers held out) and voxceleb2_cohort (some of each training speaker)."""
    excluded = Exclusions()
    utterances = parse_voxceleb(options.voxceleb2, "voxceleb2", "dev", excluded, options.nj, options.max_left_out)
    counts = voxceleb_counts("voxceleb2", "dev", utterances)
    notes = check_counts(counts, options.allow_incomplete)
    origin = {"corpus": "VoxCeleb 2 dev", "root": str(options.voxceleb2), "licence": LICENCE}
    held_out = hold_out_speakers({utterance.speaker for utterance in utterances}, options.num_valid_speakers)
    train = [utterance for utterance in utterances if utterance.speaker not in held_out]
    yield PreparedSet("voxceleb2_train", train, excluded, origin, counts, notes=notes)
    cohort = spread_over_videos(train, options.cohort_per_speaker)
    yield PreparedSet("voxceleb2_cohort", cohort, Exclusions(), origin)
    if held_out:
        yield _valid_set([utterance for utterance in utterances if utterance.speaker in held_out], origin)
    else:
        yield NotPrepared("voxceleb2_valid", "--num_valid_speakers 0")


def _valid_set(utterances: Sequence[Utterance], origin: dict[str, str]) -> PreparedSet:
    chosen = spread_over_videos(utterances, VALID_PER_SPEAKER)
    kept = {utterance.id for utterance in chosen}
    excluded = Exclusions()
    for utterance in utterances:
        if utterance.id not in kept:
            excluded.add(utterance.id, utterance.path, f"held-out speaker has its {VALID_PER_SPEAKER} utterances")
    trials = make_dev_trials(chosen)
    notes = [] if trials else ["voxceleb2_valid: too few speakers or videos for trials; no calibration"]
    return PreparedSet(
        "voxceleb2_valid", chosen, excluded, origin, trials={"dev": trials} if trials else {}, notes=notes
    )


def voxceleb1_sets(options: FleursVoxcelebOptions, data: Path) -> Sets:
    """voxceleb1_o (the test part) and voxceleb1_eh (what the lists E and H name, of both parts)."""
    folder = options.voxceleb_trials or options.voxceleb1
    yield or_not_prepared("voxceleb1_o", options.allow_incomplete, lambda: _test_set(options, folder))
    if any((folder / LISTS[name]).is_file() for name in ("E", "H")):
        yield or_not_prepared("voxceleb1_eh", options.allow_incomplete, lambda: _extended_set(options, folder))
    else:
        yield NotPrepared("voxceleb1_eh", f"neither {LISTS['E']} nor {LISTS['H']} in {folder}")


def _origin(options: FleursVoxcelebOptions) -> dict[str, str]:
    return {"corpus": "VoxCeleb 1", "root": str(options.voxceleb1), "licence": LICENCE}


def _parse(options: FleursVoxcelebOptions, part: str, excluded: Exclusions) -> list[Utterance]:
    return parse_voxceleb(options.voxceleb1, "voxceleb1", part, excluded, options.nj, options.max_left_out)


def _test_set(options: FleursVoxcelebOptions, folder: Path) -> PreparedSet:
    if not (folder / LISTS["O"]).is_file():
        raise incomplete([f"the trial list {folder / LISTS['O']}"])
    excluded = Exclusions()
    utterances = _parse(options, "test", excluded)
    trials = _read_lists(folder, ("O", "O-original"), utterances)
    counts = voxceleb_counts("voxceleb1", "test", utterances) + trial_counts(trials)
    notes = check_counts(counts, options.allow_incomplete)
    return PreparedSet("voxceleb1_o", utterances, excluded, _origin(options), counts, trials, notes)


def _extended_set(options: FleursVoxcelebOptions, folder: Path) -> PreparedSet:
    excluded = Exclusions()
    dev = _parse(options, "dev", excluded)
    utterances = dev + _parse(options, "test", Exclusions())
    trials = _read_lists(folder, ("E", "E-original", "H", "H-original"), utterances)
    counts = voxceleb_counts("voxceleb1", "dev", dev) + trial_counts(trials)
    notes = check_counts(counts, options.allow_incomplete)
    named = {name for listed in trials.values() for trial in listed for name in trial[1:]}
    for utterance in utterances:
        if utterance.id not in named:
            excluded.add(utterance.id, utterance.path, "in no trial")
    used = [utterance for utterance in utterances if utterance.id in named]
    return PreparedSet("voxceleb1_eh", used, excluded, _origin(options), counts, trials, notes)


def _read_lists(folder: Path, names: Sequence[str], utterances: Sequence[Utterance]) -> dict[str, list[Trial]]:
    """The lists that are there; none is ever shortened."""
    known = {utterance.id for utterance in utterances}
    trials = {}
    for name in names:
        path = folder / LISTS[name]
        if path.is_file():
            trials[name] = read_trial_list(path)
            check_known(trials[name], known, path)
    return trials
