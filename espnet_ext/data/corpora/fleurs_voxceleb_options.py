"""Options of stage 1 of egs/fleurs_voxceleb."""

from dataclasses import dataclass
from pathlib import Path

from espnet_ext.data.corpora.corpus_options import CorpusOptions
from espnet_ext.data.corpora.fleurs_languages import LANGUAGES
from espnet_ext.utils.errors import UserError


@dataclass(frozen=True)
class FleursVoxcelebOptions(CorpusOptions):
    """Roots of the corpora and choices.

    Attributes:
        voxceleb_trials: folder of the trial lists; None = `voxceleb1`.
        languages: of FLEURS, by its folders' names.
        commonvoice_languages: by Common Voice's folders' names; () = all of the release.
        mtedx_pairs: for instance `it-en`.
        num_valid_speakers: of VoxCeleb 2, held out of training.
        cohort_per_speaker: most utterances of a training speaker in the cohort.
        min_accent_speakers: training speakers of Common Voice that make an accent a label.
    """

    fleurs: Path | None = None
    voxceleb1: Path | None = None
    voxceleb2: Path | None = None
    voxceleb_trials: Path | None = None
    commonvoice: Path | None = None
    voxpopuli: Path | None = None
    mtedx: Path | None = None
    languages: tuple[str, ...] = LANGUAGES
    commonvoice_languages: tuple[str, ...] = ()
    mtedx_pairs: tuple[str, ...] = ("it-en",)
    num_valid_speakers: int = 100
    cohort_per_speaker: int = 10
    min_accent_speakers: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = [language for language in self.languages if language not in LANGUAGES]
        if unknown or not self.languages:
            raise UserError(
                f"--languages: FLEURS has no {' '.join(unknown) or 'empty list'}; its languages: {' '.join(LANGUAGES)}"
            )
        if not self.mtedx_pairs:
            raise UserError("--mtedx_pairs is empty; give pairs such as it-en, or leave the option out")
