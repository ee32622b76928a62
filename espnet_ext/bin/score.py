"""Score systems under every protocol: `python -m espnet_ext.bin.score --help`."""

import argparse
from pathlib import Path

from espnet_ext.bin.entry import run_main
from espnet_ext.utils.errors import UserError


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attributes", type=Path, required=True, help="conf/attributes.yaml")
    parser.add_argument("--dump_dir", type=Path, required=True, help="holds <set>/ of stage 2")
    parser.add_argument("--system", action="append", default=[], metavar="NAME=EMBEDDINGS_ROOT")
    parser.add_argument("--teacher", action="store_true", help="also score the targets, as `teacher`")
    parser.add_argument("--retrieval_sets", nargs="*", default=[], metavar="SET")
    parser.add_argument(
        "--retrieval_pairs", nargs="*", default=[], metavar="SET=DIRECTION,...",
        help="directions scored in a set, each with its mean: X-eng, fra-eng, all; default all",
    )  # fmt: skip
    parser.add_argument("--verification_sets", nargs="*", default=[], metavar="SET")
    parser.add_argument("--cohort_set", metavar="SET", help="training speakers for AS-norm; without it, none")
    parser.add_argument(
        "--calibration_set", metavar="SET",
        help="trials of other speakers that calibration learns from; without it, no actDCF and no Cllr",
    )  # fmt: skip
    parser.add_argument(
        "--contaminated", nargs="*", default=[], metavar="SET[/TRIALS]",
        help="trials of speakers that a teacher or the encoder was trained on: marked in the tables",
    )  # fmt: skip
    parser.add_argument(
        "--classification_sets", nargs="*", default=[], metavar="SET",
        help="sets whose labels are scored: by classifiers of attributes with labels, by linear probes of every head",
    )  # fmt: skip
    parser.add_argument(
        "--probe_labels", nargs="*", default=[], metavar="FILE",
        help="labels that probes read, e.g. utt2lang utt2spk; default: utt2lang and the attributes' classes",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="results.tsv; scores/ is written beside it")
    parser.add_argument("--bootstrap", type=int, default=1000, help="resamples for the 95%% intervals")
    parser.add_argument("--seed", type=int, default=0, help="of the resamples")
    parser.add_argument("--device", default="cpu", help="computes the cosines of retrieval: cpu or cuda; same ranks")
    return parser


def main() -> None:
    args = build_parser().parse_args()
    if args.bootstrap < 0:
        raise UserError(f"--bootstrap {args.bootstrap}: give 0 (no intervals) or more")
    # Imported late: see the package's docstring.
    from espnet_ext.config.attributes import load_attributes
    from espnet_ext.report.results import TEACHER, write_results
    from espnet_ext.report.score_systems import ScoringRun
    from espnet_ext.report.systems import TeacherSystem, parse_system
    from espnet_ext.scoring.bootstrap import Bootstrap
    from espnet_ext.scoring.directions import parse_pairs
    from espnet_ext.scoring.products import Products
    from espnet_ext.teachers.runtime import Runtime

    teachers = [TeacherSystem(TEACHER, args.dump_dir)] if args.teacher else []
    run = ScoringRun(
        attributes=load_attributes(args.attributes),
        dump_dir=args.dump_dir,
        retrieval_sets=args.retrieval_sets,
        verification_sets=args.verification_sets,
        scores_dir=args.out.parent / "scores",
        bootstrap=Bootstrap(args.bootstrap, args.seed),
        retrieval_pairs=parse_pairs(args.retrieval_pairs),
        products=Products.on(Runtime(args.device).torch_device()),
        cohort_set=args.cohort_set,
        calibration_set=args.calibration_set,
        contaminated=args.contaminated,
        classification_sets=args.classification_sets,
        probe_labels=args.probe_labels,
    )
    rows = run.score([*teachers, *map(parse_system, args.system)])
    write_results(args.out, rows)
    print(f"{len(rows)} figures in {args.out}")


if __name__ == "__main__":
    run_main(main)
