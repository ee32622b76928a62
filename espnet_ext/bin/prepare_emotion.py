"""Stage 1 of egs/emotion: make data/{train,dev,test} of one fold from the corpora that are on disk."""

import argparse
from pathlib import Path

from espnet_ext.bin.argument_types import flag, positive
from espnet_ext.bin.entry import run_main


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the sets")
    corpora = parser.add_argument_group("corpora", "one or several; a fold has speakers of each")
    corpora.add_argument("--crema_d", type=Path, help="folder of AudioWAV/ and VideoDemographics.csv")
    corpora.add_argument("--ravdess", type=Path, help="folder of Actor_01/ and so on")
    corpora.add_argument("--iemocap", type=Path, help="folder of Session1/ to Session5/")
    parser.add_argument("--fold", type=positive, default=1, help="the fold that is tested; the next one is dev")
    parser.add_argument("--num_folds", type=positive, default=5, help="IEMOCAP: 5, its sessions")
    parser.add_argument("--iemocap_emotions", choices=("four", "all"), default="four", help="angry happy neutral sad")
    parser.add_argument(
        "--merge_excited", type=flag, default=True, metavar="true|false", help="IEMOCAP's excited turns are happy ones"
    )
    parser.add_argument(
        "--allow_incomplete", type=flag, default=False, metavar="true|false", help="go on where something is missing"
    )
    parser.add_argument("--nj", type=positive, default=2, help="processes")
    given = vars(parser.parse_args())
    # Imported late: see the package's docstring.
    from espnet_ext.data.corpora.emotion import prepare
    from espnet_ext.data.corpora.emotion_corpora import EmotionOptions

    data = given.pop("data")
    for line in prepare(EmotionOptions(**given), data):
        print(line, flush=True)


if __name__ == "__main__":
    run_main(main)
