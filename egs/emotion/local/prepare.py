"""Stage 1 of emotion; called by data.sh."""

from espnet_ext.bin.entry import run_main


def main() -> None:
    # Imported late: every worker process imports this file.
    from emotion_sets import RECIPE
    from espnet_ext.bin.prepare_data import prepare_data

    prepare_data(RECIPE)


if __name__ == "__main__":
    run_main(main)
