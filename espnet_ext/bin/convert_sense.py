"""Turn a checkpoint of SENSE-2ATTR into a packed model (--sense), or a model of ours into that layout (--model)."""

import argparse
import tempfile
from pathlib import Path

from espnet_ext.bin.entry import run_main


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--sense", help="folder or hub id, for instance LIA-AvignonUniversity/SENSE-2ATTR")
    source.add_argument("--model", type=Path, help="folder of a trained phase or packed model")
    parser.add_argument(
        "--encoder", default="facebook/w2v-bert-2.0", help="folder or hub id with the encoder's config.json"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write (a packed model has a zip file too)")
    args = parser.parse_args()
    # Imported late: see the package's docstring.
    from espnet_ext.hub.model_files import save_model
    from espnet_ext.hub.pack import pack_model
    from espnet_ext.hub.sense import load_sense, sense_encoder_config, sense_folder
    from espnet_ext.hub.sense_export import write_sense

    if args.model:
        write_sense(args.model, args.out)
        print(f"  {args.out}")
        return
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
