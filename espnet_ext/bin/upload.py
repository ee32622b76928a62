"""Upload a packed model to the Hugging Face hub: `python -m espnet_ext.bin.upload --help`."""

import argparse
from pathlib import Path

from espnet_ext.bin.entry import run_main


def main() -> None:
    """Check the packed model, then upload its folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packed", type=Path, required=True, help="folder written by stage 6")
    parser.add_argument("--to", required=True, help="hub id, owner/model; log in with `hf auth login` first")
    args = parser.parse_args()
    # Imported late, so that --help is fast.
    from huggingface_hub import HfApi

    from espnet_ext.hub.download import hub_errors
    from espnet_ext.hub.pack import CARD
    from espnet_ext.model.saved_model import DESCRIPTION, WEIGHTS, load_model

    load_model(args.packed)
    hub = HfApi()
    with hub_errors(f"--to {args.to}: the hub refused the upload or cannot be reached"):
        hub.create_repo(args.to, exist_ok=True)
        # Only these: a training folder also contains checkpoints and logs.
        hub.upload_folder(repo_id=args.to, folder_path=args.packed, allow_patterns=[DESCRIPTION, WEIGHTS, CARD])


if __name__ == "__main__":
    run_main(main)
