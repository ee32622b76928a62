"""Write the manifest of a Debian package's used files and print their sha256, for `pinned.py`."""

import argparse
import fnmatch
from pathlib import Path

from espnet_ext.bin.entry import run_main
from espnet_ext.utils.atomic import write_text_atomic
from espnet_ext.utils.errors import UserError
from packages.debian_archive import read_files
from packages.manifest import MANIFESTS, format_manifest, manifest_sha256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path, help="<name>_<version>.deb")
    parser.add_argument("patterns", nargs="+", help="patterns of the used files, such as 'usr/share/klettres/*.ogg'")
    args = parser.parse_args()
    contents = {
        path: content
        for path, content in read_files(args.archive)
        if any(fnmatch.fnmatchcase(path, pattern) for pattern in args.patterns)
    }
    if not contents:
        raise UserError(f"{args.archive}: no file matches {' '.join(args.patterns)}")
    target = MANIFESTS / f"{args.archive.name.partition('_')[0]}.txt"
    write_text_atomic(target, format_manifest(contents))
    print(f"{target}: {len(contents)} files, sha256 {manifest_sha256(contents)}")


if __name__ == "__main__":
    run_main(main)
