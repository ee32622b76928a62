"""Convert a SENSE-2ATTR checkpoint into a packed model."""

import argparse
import tempfile
from pathlib import Path

from espnet_ext.bin.entry import run_main


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sense", required=True, help="folder or hub id, such as LIA-AvignonUniversity/SENSE-2ATTR")
    parser.add_argument(
        "--encoder", default="facebook/w2v-bert-2.0", help="folder or hub id with the encoder's config.json"
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="folder of the packed model to write; a zip file of it is written next to it",
    )
    args = parser.parse_args()
    # Imported late, so that --help is fast.
    from espnet_ext.hub.pack import pack_model
    from espnet_ext.hub.sense import load_sense, sense_encoder_config, sense_folder
    from espnet_ext.model.saved_model import save_model

    folder = sense_folder(args.sense)
    config = sense_encoder_config(folder, args.encoder)
    model, attributes = load_sense(folder, config)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.out.parent, prefix=".tmp-") as model_dir:
        save_model(Path(model_dir), model, config, attributes)
        archive = pack_model(Path(model_dir), args.out)
    print(f"  {args.out}\n  {archive}")


if __name__ == "__main__":
    run_main(main)
