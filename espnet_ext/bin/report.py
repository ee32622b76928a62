"""Tables and plots from results.tsv: `python -m espnet_ext.bin.report --help`."""

import argparse
from pathlib import Path

from espnet_ext.bin.entry import run_main


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="results.tsv, next to the folder scores/")
    parser.add_argument("--out_dir", type=Path, required=True, help="folder of the plots")
    parser.add_argument("--markdown", type=Path, required=True, help="RESULTS.md to write")
    parser.add_argument("--title", default="Results", help="heading of RESULTS.md")
    parser.add_argument("--published", type=Path, help="YAML of published numbers, shown next to ours")
    parser.add_argument("--layer_weights", type=Path, help="JSON {attribute: [weight of each layer]}")
    parser.add_argument(
        "--summary", type=Path, help="write the main tables and file names to this file, and print nothing"
    )
    parser.add_argument(
        "--curves", type=Path, nargs="*", default=[], help="curves.tsv of each phase: phase epoch split key value"
    )
    return parser


def main() -> None:
    args = build_parser().parse_args()
    # Imported late: see the package's docstring.
    from espnet_ext.evaluation.results import read_results
    from espnet_ext.report.plots import number_table, write_plots
    from espnet_ext.report.published import published_table, read_published
    from espnet_ext.report.tables import main_table, write_markdown
    from espnet_ext.utils.atomic import write_text_atomic

    results = read_results(args.results)
    extra = [published_table(read_published(args.published), results)] if args.published else []
    scores_dir = args.results.parent / "scores"
    plots = write_plots(results, scores_dir, args.out_dir, args.layer_weights, args.curves)
    extra += [number_table(plots.numbers)] if plots.numbers else []
    write_text_atomic(args.markdown, write_markdown(results, args.title, extra))
    tables = [f"\n{table.grid()}\n\n{table.caption}\n" for table in (main_table(results), *extra)]
    files = map(str, (args.results, args.markdown, *plots.paths))
    summary = "\n".join([f"\n{args.title}", *tables, *files])
    if args.summary:
        write_text_atomic(args.summary, f"{summary}\n")
    else:
        print(summary)


if __name__ == "__main__":
    run_main(main)
