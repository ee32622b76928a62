"""Tables and plots from results.tsv: `python -m espnet_ext.bin.report --help`."""

import argparse
from pathlib import Path

from espnet_ext.bin.entry import run_main


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="results.tsv, with scores/ beside it")
    parser.add_argument("--out_dir", type=Path, required=True, help="for the plots")
    parser.add_argument("--markdown", type=Path, required=True, help="RESULTS.md to write")
    parser.add_argument("--title", default="Results", help="heading of RESULTS.md")
    parser.add_argument("--published", type=Path, help="YAML of published numbers, shown beside ours")
    parser.add_argument("--layer_weights", type=Path, help="JSON {attribute: [weight of each layer]}")
    parser.add_argument("--summary", type=Path, help="file for what is printed otherwise: main tables, names of files")
    parser.add_argument(
        "--curves", type=Path, nargs="*", default=[], help="curves.tsv of each phase: phase epoch split key value"
    )
    return parser


def main() -> None:
    args = build_parser().parse_args()
    # Imported late: see the package's docstring.
    from espnet_ext.report.figures import write_plots
    from espnet_ext.report.markdown import render_grid
    from espnet_ext.report.plot_text import number_table
    from espnet_ext.report.published import published_table, read_published
    from espnet_ext.report.results import read_results
    from espnet_ext.report.tables import main_table, write_markdown
    from espnet_ext.utils.atomic import write_text_atomic

    results = read_results(args.results)
    beside = [published_table(read_published(args.published), results)] if args.published else []
    scores_dir = args.results.parent / "scores"
    plots = write_plots(results, scores_dir, args.out_dir, args.layer_weights, args.curves)
    beside += [number_table(plots.numbers)] if plots.numbers else []
    write_text_atomic(args.markdown, write_markdown(results, args.title, beside))
    tables = [f"\n{render_grid(table)}\n\n{table.caption}\n" for table in (main_table(results), *beside)]
    files = map(str, (args.results, args.markdown, *plots.paths))
    summary = "\n".join([f"\n{args.title}", *tables, *files])
    if args.summary:
        write_text_atomic(args.summary, f"{summary}\n")
    else:
        print(summary)


if __name__ == "__main__":
    run_main(main)
