"""Search recordings by several attributes at once: `build` makes an index, `query` asks it.

    python -m espnet_ext.bin.search build --model packed --index_dir index recordings/ data/test
    python -m espnet_ext.bin.search query --model packed --index_dir index \\
        --text "please wait" --audio spk=voice.wav:0.5 --audio lang=x.wav:-1

finds what is said like this text, by a voice like this file, not in this language. A recording's score is
the sum of weight x cosine over the terms of the query; weights are 1 unless given, negative = unlike this.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from espnet_ext.bin.entry import run_main
from espnet_ext.errors import UserError

if TYPE_CHECKING:
    from espnet_ext.search.audio_terms import AudioTerm
    from espnet_ext.search.query import Term


def build_parser() -> argparse.ArgumentParser:
    """Options of both commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="make an index, or add to it what is new or has changed")
    build.set_defaults(run=run_build)
    build.add_argument("audio", type=Path, nargs="+", help="audio files, folders, data or dump directories")
    build.add_argument("--autocast", choices=["float32", "bfloat16"], default="float32", help="dtype of products")
    build.add_argument("--skip_errors", action="store_true", help="index the other files where some cannot be read")
    query = commands.add_parser(
        "query", help="find recordings", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    query.set_defaults(run=run_query)
    query.add_argument("--text", help="said like this text; embedded by the text teacher of the model")
    query.add_argument("--text_weight", type=float, default=1.0, help="negative = unlike this")
    query.add_argument("--text_attribute", help="of those with a text teacher, if the model has several")
    query.add_argument("--teacher_dir", type=Path, help="offline weights: a model's folder, or one folder a model")
    query.add_argument(
        "--audio",
        action="append",
        default=[],
        metavar="ATTRIBUTE=FILE[:WEIGHT]",
        help="like this file in this attribute; may be repeated. A number after the last colon is the weight",
    )
    query.add_argument("--top", type=int, default=10, help="how many to show")
    query.add_argument("--json", action="store_true", help="print JSON instead of a table")
    for command in (build, query):
        command.add_argument("--index_dir", type=Path, required=True, help="folder of the index")
        command.add_argument("--model", required=True, help="folder or zip file of a packed model, or its hub id")
        command.add_argument("--device", help="cpu or cuda; default: the GPU where there is one")
        command.add_argument("--downmix", action="store_true", help="average the channels of files with several")
        command.add_argument(
            "--index",
            choices=["exact", "faiss"],
            default="exact",
            help="faiss: approximate, for 10^5 recordings and more; an index built so can be asked either way",
        )
    return parser


def run_build(args: argparse.Namespace) -> None:
    """List the audio, load the model, embed what the index lacks."""
    from espnet_ext.data.audio_sources import list_sources
    from espnet_ext.hub.embed_files import report_errors
    from espnet_ext.hub.fetch_model import model_folder
    from espnet_ext.hub.inference import UttEncoder
    from espnet_ext.search.build import build_index
    from espnet_ext.search.codes import update_codes
    from espnet_ext.search.fingerprint import manifest_of

    sources = list_sources(args.audio)
    model = model_folder(args.model)
    manifest = manifest_of(model, args.autocast)
    encoder = UttEncoder.from_pretrained(model, args.device, args.autocast, args.downmix)
    errors: dict[str, str] | None = {} if args.skip_errors else None
    index = build_index(args.index_dir, manifest, sources, encoder.encode_readable, errors)
    if args.index == "faiss":
        update_codes(index)
    print(f"{args.index_dir}: {index.num_recordings()} recordings; {', '.join(manifest.attributes)}")
    report_errors(errors or {}, len(sources), args.index_dir)


def run_query(args: argparse.Namespace) -> None:
    """Check the query before anything is loaded; embed its terms; search."""
    from espnet_ext.hub.fetch_model import model_folder
    from espnet_ext.search.audio_terms import check_weight, parse_audio_term
    from espnet_ext.search.codes import open_codes
    from espnet_ext.search.fingerprint import manifest_of
    from espnet_ext.search.index import SearchIndex
    from espnet_ext.search.query import search
    from espnet_ext.search.show import as_json, as_table

    audio_terms = [parse_audio_term(word) for word in args.audio]
    check_weight(args.text_weight, "--text_weight")
    if not audio_terms and args.text is None:
        raise UserError("an empty query: give --text, --audio or both; see --help")
    if args.text is None and args.text_attribute is not None:
        raise UserError("--text_attribute without --text: say the text")
    if args.top < 1:
        raise UserError(f"--top {args.top}: expected 1 or more")
    index = SearchIndex.open(args.index_dir)
    for term in audio_terms:
        index.manifest.check_attribute(args.index_dir, term.attribute)
    codes = open_codes(index) if args.index == "faiss" else None
    model = model_folder(args.model)
    index.manifest.check_model(args.index_dir, manifest_of(model))
    terms = [*embed_text_term(args, model), *embed_audio(args, model, audio_terms)]
    found = search(index, terms, args.top, codes)
    print(as_json(terms, found) if args.json else as_table(terms, found))


def embed_text_term(args: argparse.Namespace, model: Path) -> "list[Term]":
    """The term of --text, if there is one."""
    from espnet_ext.search.query import Term
    from espnet_ext.search.text_teacher import embed_text, text_attribute
    from espnet_ext.teachers import Runtime

    if args.text is None:
        return []
    attribute = text_attribute(model, args.text_attribute)
    runtime = Runtime(args.device, args.teacher_dir and args.teacher_dir.absolute())
    return [Term(attribute, args.text, args.text_weight, embed_text(model, attribute, args.text, runtime))]


def embed_audio(args: argparse.Namespace, model: Path, terms: "list[AudioTerm]") -> "list[Term]":
    """The terms of --audio; a query by text alone loads no encoder."""
    from espnet_ext.hub.inference import UttEncoder
    from espnet_ext.search.audio_terms import embed_audio_terms

    if not terms:
        return []
    encoder = UttEncoder.from_pretrained(model, args.device, downmix=args.downmix)
    return embed_audio_terms(terms, encoder.encode)


def main() -> None:
    args = build_parser().parse_args()
    args.run(args)


if __name__ == "__main__":
    run_main(main)
