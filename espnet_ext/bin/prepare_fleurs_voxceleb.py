"""Stage 1 of egs/fleurs_voxceleb: make its sets in data/ from the corpora that are on disk."""

import argparse
from pathlib import Path

from espnet_ext.bin.argument_types import count, flag, positive, words
from espnet_ext.bin.entry import run_main
from espnet_ext.data.corpora.fleurs_languages import LANGUAGES


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the sets")
    corpora = parser.add_argument_group("corpora", "a corpus that is not given is left out, with one line on it")
    corpora.add_argument("--fleurs", type=Path, help="folder of <lang>/{train,dev,test}.tsv and <lang>/audio/")
    corpora.add_argument("--voxceleb1", type=Path, help="folder of vox1_meta.csv and wav/id1xxxx/")
    corpora.add_argument("--voxceleb2", type=Path, help="folder of vox2_meta.csv and dev/aac/id0xxxx/")
    corpora.add_argument("--voxceleb_trials", type=Path, help="folder of veri_test2.txt ...; default: --voxceleb1")
    corpora.add_argument("--commonvoice", type=Path, help="folder of a release: <lang>/{train,dev}.tsv, <lang>/clips/")
    corpora.add_argument("--voxpopuli", type=Path, help="folder of raw_audios/ or transcribed_data/")
    corpora.add_argument("--mtedx", type=Path, help="folder of <source>-<target>/data/")
    parser.add_argument(
        "--languages", type=words, default=" ".join(LANGUAGES), metavar='"en_us fr_fr ..."', help="of FLEURS"
    )
    parser.add_argument(
        "--commonvoice_languages", type=words, default="", metavar='"en fr ..."', help="of Common Voice; empty: all"
    )
    parser.add_argument("--mtedx_pairs", type=words, default="it-en", metavar='"it-en ..."', help="of mTEDx")
    parser.add_argument("--num_valid_speakers", type=count, default=100, help="VoxCeleb 2 speakers held out")
    parser.add_argument("--cohort_per_speaker", type=positive, default=10, help="utterances for AS-norm")
    parser.add_argument("--min_accent_speakers", type=positive, default=20, help="that make an accent a label")
    parser.add_argument(
        "--allow_incomplete",
        type=flag,
        default=False,
        metavar="true|false",
        help="go on where something of a corpus is missing",
    )
    parser.add_argument("--nj", type=positive, default=2, help="processes")
    return parser


def main() -> None:
    given = vars(_parser().parse_args())
    # Imported late: see the package's docstring.
    from espnet_ext.data.corpora.fleurs_voxceleb import prepare
    from espnet_ext.data.corpora.fleurs_voxceleb_options import FleursVoxcelebOptions

    data = given.pop("data")
    for line in prepare(FleursVoxcelebOptions(**given), data):
        print(line, flush=True)


if __name__ == "__main__":
    run_main(main)
