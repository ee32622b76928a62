"""Sets of fleurs_voxceleb that come from VoxCeleb 1 and 2: held-out speakers, cohort, and trials."""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

from espnet_ext.corpora.corpus import Option, Options, SetContent
from espnet_ext.corpora.corpus_set import CorpusSet, Preparation, SetSkippedError, read_apart
from espnet_ext.corpora.lengths import incomplete
from espnet_ext.corpora.published import counted, published
from espnet_ext.corpora.voxceleb import VOXCELEB1, VOXCELEB2
from espnet_ext.corpora.voxceleb_trials import LISTS, check_known, read_trial_list
from espnet_ext.kaldi.trials import Trial
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError

# Enough for calibration (about 17,000 target trials of 100 speakers), few enough to validate with in training.
VALID_PER_SPEAKER = 20
VOXCELEB2_OPTIONS = (
    Option("num_valid_speakers", 100, "VoxCeleb 2 speakers held out for the dev loss and calibration"),
    Option(
        "cohort_per_speaker",
        10,
        "VoxCeleb 2 utterances of each training speaker in the cohort of AS-norm",
        minimum=1,
    ),
)


def voxceleb2_train(preparation: Preparation) -> SetContent:
    """All utterances of the speakers that are not held out."""
    content = read_apart(preparation, VOXCELEB2, "dev")
    held_out = _held_out_speakers(preparation)
    content.utterances = [utterance for utterance in content.utterances if utterance.speaker not in held_out]
    return content


def voxceleb2_cohort(preparation: Preparation) -> SetContent:
    """A few utterances of each training speaker."""
    train = preparation.content("voxceleb2_train")
    return SetContent(train.origin, spread_over_videos(train.utterances, preparation.options.cohort_per_speaker))


def voxceleb2_valid(preparation: Preparation) -> SetContent:
    """A few utterances of each held-out speaker, and trials of them."""
    if preparation.options.num_valid_speakers == 0:
        raise SetSkippedError("--num_valid_speakers 0")
    held_out = _held_out_speakers(preparation)
    split = preparation.read(VOXCELEB2, "dev")
    utterances = [utterance for utterance in split.utterances if utterance.speaker in held_out]
    content = SetContent(split.origin, spread_over_videos(utterances, VALID_PER_SPEAKER))
    kept = {utterance.id for utterance in content.utterances}
    for utterance in utterances:
        if utterance.id not in kept:
            reason = f"held-out speaker has its {VALID_PER_SPEAKER} utterances"
            content.excluded.add(utterance.id, utterance.path, reason)
    if trials := make_dev_trials(content.utterances):
        content.trials = {"dev": trials}
    else:
        content.notes.append("voxceleb2_valid: too few speakers or videos for trials; no calibration")
    return content


def voxceleb1_o(preparation: Preparation) -> SetContent:
    """The test part, and trial list O."""
    path = _list_folder(preparation.options) / LISTS["O"]
    if not path.is_file():
        raise incomplete([f"the trial list {path}"])
    content = read_apart(preparation, VOXCELEB1, "test")
    _add_trials(content, ("O", "O-original"), preparation.options)
    return content


def voxceleb1_eh(preparation: Preparation) -> SetContent:
    """The utterances of both parts that lists E and H name."""
    folder = _list_folder(preparation.options)
    if not any((folder / LISTS[name]).is_file() for name in ("E", "H")):
        raise SetSkippedError(f"neither {LISTS['E']} nor {LISTS['H']} in {folder}")
    content = read_apart(preparation, VOXCELEB1, "dev")
    content.utterances += preparation.read(VOXCELEB1, "test").utterances
    _add_trials(content, ("E", "E-original", "H", "H-original"), preparation.options)
    named = {name for trials in content.trials.values() for trial in trials for name in trial[1:]}
    for utterance in content.utterances:
        if utterance.id not in named:
            content.excluded.add(utterance.id, utterance.path, "in no trial")
    content.utterances = [utterance for utterance in content.utterances if utterance.id in named]
    return content


VOXCELEB2_SETS = (
    CorpusSet("voxceleb2_train", voxceleb2_train, {"voxceleb2_valid": (), "voxceleb1_o": (), "voxceleb1_eh": ()}),
    CorpusSet("voxceleb2_cohort", voxceleb2_cohort),
    CorpusSet("voxceleb2_valid", voxceleb2_valid),
)
VOXCELEB1_SETS = (CorpusSet("voxceleb1_o", voxceleb1_o), CorpusSet("voxceleb1_eh", voxceleb1_eh))


def _list_folder(options: Options) -> Path:
    return options.voxceleb_trials or options.voxceleb1


def _add_trials(content: SetContent, names: Sequence[str], options: Options) -> None:
    """Add the trial lists that are on disk; a list is never shortened."""
    known = {utterance.id for utterance in content.utterances}
    trials = {}
    for name in names:
        path = _list_folder(options) / LISTS[name]
        if path.is_file():
            trials[name] = read_trial_list(path)
            check_known(trials[name], known, path)
    content.trials = trials
    numbers = published("VoxCeleb", "trials")
    for name, listed in trials.items():
        content.counts += counted(f"trial list {name}", {"trials": len(listed)}, {"trials": numbers[name]})


def _held_out_speakers(preparation: Preparation) -> set[str]:
    speakers = {utterance.speaker for utterance in preparation.read(VOXCELEB2, "dev").utterances}
    return hold_out_speakers(speakers, preparation.options.num_valid_speakers)


def _order(name: str) -> bytes:
    """An order that follows from nothing but the name."""
    return hashlib.sha1(name.encode()).digest()


def hold_out_speakers(speakers: Iterable[str], number: int) -> set[str]:
    """Draw speakers in the order of the SHA-1 of their names.

    Raises:
        UserError: if fewer than two would be left for training.
    """
    speakers = set(speakers)
    if number > len(speakers) - 2:
        raise UserError(
            f"--num_valid_speakers {number}: VoxCeleb 2 has {len(speakers)} speakers here, and training "
            f"needs at least 2; hold out fewer"
        )
    return set(sorted(speakers, key=_order)[:number])


def spread_over_videos(utterances: Sequence[Utterance], max_per_speaker: int) -> list[Utterance]:
    """At most so many utterances of each speaker, of as many videos as possible, sorted by utterance.

    Within a speaker, one utterance of each video is taken in turn, videos and utterances in SHA-1 order.
    """
    by_speaker: dict[str, dict[str, list[Utterance]]] = {}
    for utterance in utterances:
        by_speaker.setdefault(utterance.speaker, {}).setdefault(utterance.labels["video"], []).append(utterance)
    chosen: list[Utterance] = []
    for speaker in sorted(by_speaker):
        videos = by_speaker[speaker]
        turns: list[tuple[int, int, Utterance]] = []
        for video in sorted(videos, key=_order):
            for turn, utterance in enumerate(sorted(videos[video], key=lambda utterance: _order(utterance.id))):
                turns.append((turn, len(turns), utterance))
        chosen += [utterance for _, _, utterance in sorted(turns, key=lambda entry: entry[:2])[:max_per_speaker]]
    return sorted(chosen, key=lambda utterance: utterance.id)


def make_dev_trials(utterances: Sequence[Utterance]) -> list[Trial]:
    """Trials of held-out speakers: every pair of one speaker from two videos, and as many of two speakers.

    Two recordings of one video share room and microphone, and would be told apart too easily. The other
    utterance of a non-target trial is drawn by SHA-1.

    Returns:
        trials sorted by enrolment and test utterance; none if there is only one speaker.
    """
    by_speaker: dict[str, list[Utterance]] = {}
    for utterance in sorted(utterances, key=lambda utterance: utterance.id):
        by_speaker.setdefault(utterance.speaker, []).append(utterance)
    if len(by_speaker) < 2:
        return []
    targets = [
        Trial(True, first.id, second.id)
        for own in by_speaker.values()
        for first, second in combinations(own, 2)
        if first.labels["video"] != second.labels["video"]
    ]
    speaker_of = {utterance.id: utterance.speaker for utterance in utterances}
    nontargets = set()
    for target in targets:
        others = [speaker for speaker in by_speaker if speaker != speaker_of[target.enrol]]
        draw = int.from_bytes(hashlib.sha1(f"{target.enrol} {target.test}".encode()).digest())
        own = by_speaker[others[draw % len(others)]]
        pair = sorted((target.enrol, own[draw // len(others) % len(own)].id))
        nontargets.add(Trial(False, *pair))
    return sorted([*targets, *nontargets], key=lambda trial: trial[1:])
