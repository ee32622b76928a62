"""CREMA-D: 91 actors speak 12 sentences in 6 emotions (Cao et al., 2014, doi 10.1109/TAFFC.2014.2336244; ODbL 1.0)."""

from collections.abc import Mapping
from pathlib import Path

from espnet_ext.corpora.corpus import Corpus, Options, SetContent, count_recordings
from espnet_ext.corpora.labels import labels_of_years
from espnet_ext.corpora.lengths import MAX_LEFT_OUT, incomplete, with_lengths
from espnet_ext.corpora.tables import check_codes, find_child, read_table, visible_files
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError

AUDIO = "AudioWAV"
DEMOGRAPHICS = "VideoDemographics.csv"
SENTENCES = {
    "DFA": "Don't forget a jacket.",
    "IEO": "It's eleven o'clock.",
    "IOM": "I'm on my way to the meeting.",
    "ITH": "I think I have a doctor's appointment.",
    "ITS": "I think I've seen this before.",
    "IWL": "I would like a new alarm clock.",
    "IWW": "I wonder what this is about.",
    "MTI": "Maybe tomorrow it will be cold.",
    "TAI": "The airplane is almost full.",
    "TIE": "That is exactly what happened.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
EMOTIONS = {
    "ANG": "angry", "DIS": "disgusted", "FEA": "fearful", "HAP": "happy", "NEU": "neutral", "SAD": "sad",
}  # fmt: skip
# XX is not specified; one name is cut: 1040_ITH_SAD_X.
INTENSITIES = {"LO": "low", "MD": "medium", "HI": "high", "XX": "", "X": ""}
# Clips without sound, nearly empty clips, and a clip with every emotion in a row.
FAULTY = {"1064_IEO_DIS_MD", "1064_TIE_SAD_XX", "1076_MTI_NEU_XX", "1076_MTI_SAD_XX"}


def parse_crema_d(
    root: Path,
    actors: Mapping[str, Mapping[str, str]] | None,
    excluded: Exclusions,
    nj: int,
    max_left_out: float = MAX_LEFT_OUT,
) -> list[Utterance]:
    """Read the corpus. The label is the acted emotion, not the emotion that listeners perceived.

    Args:
        root: contains AudioWAV/1001_DFA_ANG_XX.wav ...
        actors: of `read_actors`; None if their gender and age are unknown.
        excluded: takes the faulty files (`FAULTY`), second files of a name, and files without sound.
        nj: number of processes.
        max_left_out: largest share of files that may be unreadable.

    Raises:
        UserError: naming a file of another name, code or actor, or one that Git LFS has not fetched; or if too
            much is unreadable.
    """
    folder = find_child(root, AUDIO)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; --crema_d is the folder that contains {AUDIO}/ and {DEMOGRAPHICS}")
    found: dict[str, Utterance] = {}
    for path in visible_files(folder, ".wav"):
        utterance = _utterance(path, actors)
        if path.stem.upper() in FAULTY:
            excluded.add(utterance.id, path, "known to be faulty")
        elif utterance.id in found:
            excluded.add(utterance.id, path, "second file of this name")
        else:
            _refuse_pointer(path)
            found[utterance.id] = utterance
    return with_lengths(list(found.values()), excluded, nj, "CREMA-D: headers", folder, max_left_out)


def read_actors(path: Path) -> dict[str, dict[str, str]]:
    """Actor -> labels (gender, age in decades and in years) of VideoDemographics.csv.

    Raises:
        UserError: naming the file that lacks a column, or an invalid line; and as `read_table`.
    """
    actors = {}
    for where, row in read_table(path, ",", ("ActorID", "Age", "Sex"), quoted=True):
        actor, age, gender = (row[name].strip() for name in ("ActorID", "Age", "Sex"))
        if not age.isdecimal() or gender.lower() not in ("male", "female"):
            raise UserError(f"{where}: expected an age and Male or Female, not {age!r}, {gender!r}")
        actors[actor] = {"gender": gender.lower()} | labels_of_years(int(age))
    return actors


def _utterance(path: Path, actors: Mapping[str, Mapping[str, str]] | None) -> Utterance:
    stem = path.stem.upper()
    fields = stem.split("_")
    if len(fields) != 4 or not fields[0].isdecimal():
        raise UserError(f"{path}: expected a name like 1001_DFA_ANG_XX.wav; take the file out of the folder")
    actor, sentence, emotion, intensity = fields
    codes = {"sentence": (sentence, SENTENCES), "emotion": (emotion, EMOTIONS), "level": (intensity, INTENSITIES)}
    check_codes(path, codes)
    if actors is not None and actor not in actors:
        raise UserError(f"{path}: actor {actor} is not in {DEMOGRAPHICS}; fetch that file again")
    labels = {"emotion": EMOTIONS[emotion]} | dict(actors[actor] if actors else {})
    if INTENSITIES[intensity]:
        labels["intensity"] = INTENSITIES[intensity]
    return Utterance(
        id=f"crema_d-{actor}-{stem}",
        speaker=f"crema_d-{actor}",
        path=path,
        num_samples=0,
        language="eng",
        text=SENTENCES[sentence],
        sentence=f"crema_d-{sentence}",
        labels=labels,
    )


def _refuse_pointer(path: Path) -> None:
    """Refuse (UserError) the small text file that a clone without Git LFS contains instead of audio."""
    with path.open("rb") as file:
        if b"git-lfs" in file.read(100):
            raise UserError(f"{path}: a pointer of Git LFS, not audio; run `git lfs pull` in the corpus's folder")


def read_crema_d(options: Options, split: str, data: Path) -> SetContent:
    """Read the whole corpus, which has no splits."""
    content = CORPUS.content(options)
    table = find_child(options.crema_d, DEMOGRAPHICS)
    actors = read_actors(table) if table.is_file() else None
    if actors is None and not options.allow_incomplete:
        raise incomplete([f"CREMA-D lacks {table}"])
    if actors is None:
        content.notes.append(f"CREMA-D without {table}: the gender and age of its actors are not known")
    content.utterances = parse_crema_d(options.crema_d, actors, content.excluded, options.nj, options.max_left_out)
    count_recordings(content)
    return content


CORPUS = Corpus("crema_d", "CREMA-D", "ODbL 1.0", "AudioWAV/ and VideoDemographics.csv", read_crema_d)
