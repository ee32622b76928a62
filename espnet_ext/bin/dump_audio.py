"""Dump the audio of a data directory to 16 kHz archives: data/<set> -> dump/<set>."""

import argparse
import math
from pathlib import Path

from espnet_ext.audio import ARK_FORMATS
from espnet_ext.bin.argument_types import fraction
from espnet_ext.bin.entry import run_main
from espnet_ext.dump.executor import Executor


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data_dir", type=Path, required=True, help="data/<set>")
    parser.add_argument("--dump_dir", type=Path, required=True, help="dump/<set>")
    parser.add_argument("--speed_perturb", type=float, nargs="*", default=[], help="speeds of copies, e.g. 0.9 1.1")
    parser.add_argument("--min_duration_s", type=float, default=0.0, help="shorter utterances are excluded")
    parser.add_argument("--max_duration_s", type=float, default=math.inf, help="longer utterances are excluded")
    parser.add_argument(
        "--audio_format",
        choices=ARK_FORMATS,
        default="wav",
        help="format of the 16-bit archives: wav is written and read much faster, flac needs three fifths of the space",
    )
    parser.add_argument(
        "--fraction",
        type=fraction,
        default=1.0,
        help="part of the utterances to dump, in complete sentences, for a quick test",
    )
    Executor.add_options(parser, nj=2)
    args = parser.parse_args()
    for speed in args.speed_perturb:
        if not 0.5 <= speed <= 2.0 or speed == 1.0:
            parser.error(f"--speed_perturb: {speed:g} is not a speed between 0.5 and 2 other than 1")
    if len(set(args.speed_perturb)) < len(args.speed_perturb):
        parser.error("--speed_perturb: a speed is given twice")
    if not 0 <= args.min_duration_s < args.max_duration_s:
        parser.error("--min_duration_s must be 0 or more, and below --max_duration_s")
    return args


def main() -> None:
    args = _parse_args()
    # Imported late: see the package's docstring.
    from espnet_ext.dump.dump import DurationLimits
    from espnet_ext.dump.dump_dir import DumpOptions, dump_data_dir

    limits = DurationLimits(args.min_duration_s, args.max_duration_s)
    options = DumpOptions(limits, args.speed_perturb, Executor.from_options(args), args.audio_format, args.fraction)
    dumped = dump_data_dir(args.data_dir, args.dump_dir, options)
    print(f"{args.dump_dir}: {dumped.num_utterances} utterances; {dumped.excluded.summary()}")


if __name__ == "__main__":
    run_main(main)
