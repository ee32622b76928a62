"""IEMOCAP: five dyadic sessions of ten actors, improvised and scripted (Busso et al., 2008; its own license)."""

from collections.abc import Mapping
from pathlib import Path

from espnet_ext.corpora.corpus import Corpus, Option, Options, SetContent, count_recordings
from espnet_ext.corpora.iemocap_tables import EMOTIONS, Turn, read_evaluation, read_transcriptions
from espnet_ext.corpora.lengths import MAX_LEFT_OUT, with_lengths
from espnet_ext.corpora.tables import find_child, visible_files
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError

SESSIONS = ("1", "2", "3", "4", "5")
GENDERS = {"F": "female", "M": "male"}
NOT_EVALUATED = "not evaluated"


def chosen_emotions(subset: str, merge_excited: bool) -> dict[str, str]:
    """Emotion -> class, of the emotions that are kept.

    Args:
        subset: "four" (angry, happy, neutral, sad: the usual classes) or "all" that the evaluators agreed upon.
        merge_excited: label excited turns as happy, as usual; otherwise "all" has this class and "four" excludes it.
    """
    four = ("angry", "happy", "neutral", "sad")
    kept = four if subset == "four" else [emotion for emotion in EMOTIONS.values() if emotion not in ("", "other")]
    classes = {emotion: emotion for emotion in kept}
    return classes | {"excited": "happy"} if merge_excited else classes


def parse_iemocap(
    root: Path, classes: Mapping[str, str], excluded: Exclusions, nj: int, max_left_out: float = MAX_LEFT_OUT
) -> list[Utterance]:
    """Read the turns whose emotion is in `classes`, sorted by session and dialog.

    Args:
        root: contains Session1 ... Session5, each with sentences/wav/<dialog>/<turn>.wav,
            dialog/EmoEvaluation/<dialog>.txt and dialog/transcriptions/<dialog>.txt.
        classes: of `chosen_emotions`.
        excluded: takes turns without agreement, of other emotions, listed twice, or without sound; and files
            of turns that were not evaluated.
        nj: number of processes.
        max_left_out: largest share of the chosen turns that may lack sound.

    Raises:
        UserError: without any session, naming an invalid line of an evaluation, or if too many
            turns lack sound.
    """
    sessions = [folder for number in SESSIONS if (folder := find_child(root, f"Session{number}")).is_dir()]
    if not sessions:
        raise UserError(f"{root}: no folder Session1 to Session5; --iemocap is the folder that contains them")
    found: dict[str, Utterance] = {}
    for session in sessions:
        found |= _parse_session(session, classes, excluded)
    return with_lengths(list(found.values()), excluded, nj, "IEMOCAP: headers", root, max_left_out)


def _parse_session(session: Path, classes: Mapping[str, str], excluded: Exclusions) -> dict[str, Utterance]:
    texts = read_transcriptions(session)
    audio = {path.stem: path for path in _audio_files(session)}
    evaluations = find_child(find_child(session, "dialog"), "EmoEvaluation")
    turns: dict[str, Turn] = {}
    for path in visible_files(evaluations, ".txt"):
        for turn in read_evaluation(path):
            if turn.name in turns:
                excluded.add(_name(turn), path, "listed twice")
            turns.setdefault(turn.name, turn)
    if not turns:
        raise UserError(f"{evaluations}: no evaluated turn; unpack the whole corpus")
    for name in sorted(audio.keys() - turns.keys()):
        excluded.add(f"iemocap-{name}", audio[name], NOT_EVALUATED)
    found = {}
    for name, turn in turns.items():
        path = audio.get(name, session / "sentences/wav" / turn.dialog / f"{name}.wav")
        if turn.emotion in classes:
            found[_name(turn)] = _utterance(turn, classes[turn.emotion], path, texts.get(name))
        else:
            excluded.add(_name(turn), path, "another emotion" if turn.emotion else "evaluators disagree")
    return found


def _audio_files(session: Path) -> list[Path]:
    folder = find_child(find_child(session, "sentences"), "wav")
    dialogs = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return [path for dialog in dialogs for path in visible_files(dialog, ".wav")]


def _speaker(turn: Turn) -> str:
    return f"iemocap-Ses0{turn.session}{turn.gender}"


def _name(turn: Turn) -> str:
    return f"{_speaker(turn)}-{turn.name}"


def _utterance(turn: Turn, emotion: str, path: Path, text: str | None) -> Utterance:
    return Utterance(
        id=_name(turn),
        speaker=_speaker(turn),
        path=path,
        num_samples=0,
        language="eng",
        text=text,
        labels={"emotion": emotion, "gender": GENDERS[turn.gender], "session": turn.session} | turn.dimensions,
    )


def read_iemocap(options: Options, split: str, data: Path) -> SetContent:
    """Read the chosen emotions of all sessions."""
    content = CORPUS.content(options)
    classes = chosen_emotions(options.iemocap_emotions, options.merge_excited)
    content.utterances = parse_iemocap(options.iemocap, classes, content.excluded, options.nj, options.max_left_out)
    is_usual = options.iemocap_emotions == "four" and options.merge_excited
    further = {"turns of the four classes": len(content.utterances)} if is_usual else {}
    count_recordings(content, NOT_EVALUATED, **further)
    return content


CORPUS = Corpus(
    "iemocap",
    "IEMOCAP",
    "of its own",
    "Session1/ to Session5/",
    read_iemocap,
    (
        Option(
            "iemocap_emotions",
            "four",
            "four: angry, happy, neutral, sad; all: every emotion that the evaluators of IEMOCAP agreed upon",
            choices=("four", "all"),
        ),
        Option("merge_excited", True, "true: excited turns of IEMOCAP are labeled happy"),
    ),
)
