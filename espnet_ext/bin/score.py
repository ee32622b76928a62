"""Score systems under every protocol: `python -m espnet_ext.bin.score --help`."""

import argparse
from pathlib import Path

from espnet_ext.bin.argument_types import count
from espnet_ext.bin.entry import run_main


def parse_args() -> argparse.Namespace:
    """Options of this command: the fields of `ScoringRun`, and the output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attributes", type=Path, required=True, help="conf/attributes.yaml")
    parser.add_argument("--dump_dir", type=Path, required=True, help="folder of the dump directories <set>/ of stage 2")
    parser.add_argument("--system", dest="systems", action="append", default=[], metavar="NAME=EMBEDDINGS_ROOT")
    parser.add_argument("--teacher", action="store_true", help="also score the targets, as system `teacher`")
    parser.add_argument("--cohort_set", metavar="SET", help="training speakers for AS-norm; default: no AS-norm")
    parser.add_argument("--calibration_set", metavar="SET", help="trials to fit actDCF and Cllr on; default: neither")
    for name, metavar, text in (
        ("retrieval_sets", "SET", "sets with sentence ids"),
        ("retrieval_pairs", "SET=DIRECTION,...", "directions to score, with their means: X-eng, fra-eng; default: all"),
        ("verification_sets", "SET", "sets with trial lists"),
        ("contaminated", "SET[/TRIALS]", "trials whose speakers a teacher or the encoder was trained on, to mark"),
        ("classification_sets", "SET", "sets with labels, for attributes' own classifiers and for linear probes"),
        ("probe_labels", "FILE", "label files for probes; default: utt2lang and the classes of attributes"),
    ):
        parser.add_argument(f"--{name}", nargs="*", default=[], metavar=metavar, help=text)
    parser.add_argument("--out", type=Path, required=True, help="results.tsv; scores/ is written next to it")
    parser.add_argument("--bootstrap", type=count, default=1000, help="resamples for the 95%% intervals; 0: none")
    parser.add_argument("--seed", type=int, default=0, help="seed of the resamples")
    parser.add_argument("--device", default="cpu", help="device for retrieval, cpu or cuda; the ranks are the same")
    return parser.parse_args()


def main() -> None:
    options = vars(parse_args())
    out = options.pop("out")
    # Imported late: see the package's docstring.
    from espnet_ext.evaluation.results import write_results
    from espnet_ext.evaluation.score_systems import ScoringRun

    rows = ScoringRun(**options, scores_dir=out.parent / "scores").score()
    write_results(out, rows)
    print(f"{len(rows)} scores in {out}")


if __name__ == "__main__":
    run_main(main)
