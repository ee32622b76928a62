"""Stage 1 of fleurs_voxceleb; called by data.sh."""

from espnet_ext.bin.entry import run_main


def main() -> None:
    # Imported late: every worker process imports this file.
    from espnet_ext.bin.prepare_data import prepare_data
    from fleurs_voxceleb_sets import RECIPE

    prepare_data(RECIPE)


if __name__ == "__main__":
    run_main(main)
