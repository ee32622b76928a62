"""Search recordings by several attributes at once: `build` creates an index, `query` searches it.

    python -m espnet_ext.bin.search build --model packed --index_dir index recordings/ data/test
    python -m espnet_ext.bin.search query --model packed --index_dir index \\
        --text "please wait" --audio spk=voice.wav:0.5 --audio lang=x.wav:-1

finds recordings with the meaning of this text, by a voice like that of the first file, and not in the language of the
second file. A recording's score is the sum of weight x cosine over the terms of the query. The default weight is 1; a
negative weight means dissimilar.
"""

import argparse
from importlib.util import find_spec
from pathlib import Path

from espnet_ext.bin.argument_types import positive
from espnet_ext.bin.entry import run_main
from espnet_ext.utils.errors import UserError


def build_parser() -> argparse.ArgumentParser:
    """Options of both commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="create an index, or add new and changed recordings")
    build.add_argument("audio", type=Path, nargs="+", help="audio files, folders, data or dump directories")
    build.add_argument(
        "--autocast", choices=["float32", "bfloat16"], default="float32", help="dtype of matrix products"
    )
    build.add_argument("--skip_errors", action="store_true", help="index the other files if some cannot be read")
    query = commands.add_parser("query", help="find recordings")
    query.add_argument("--text", help="text to search for; embedded by the text teacher of the model")
    query.add_argument("--text_weight", type=float, default=1.0, help="negative = dissimilar")
    query.add_argument("--text_attribute", help="attribute with a text teacher, if the model has several")
    query.add_argument("--teacher_dir", type=Path, help="offline weights: a model's folder, or a folder per model")
    query.add_argument("--audio", action="append", default=[], metavar="ATTRIBUTE=FILE[:WEIGHT]", help="similar file")
    query.add_argument("--top", type=positive, default=10, help="number of results")
    query.add_argument("--json", action="store_true", help="print JSON instead of a table")
    for command in (build, query):
        command.add_argument("--index_dir", type=Path, required=True, help="folder of the index")
        command.add_argument("--model", required=True, help="folder or zip file of a packed model, or its hub id")
        command.add_argument("--device", help="cpu or cuda; default: the GPU if there is one")
        command.add_argument("--downmix", action="store_true", help="average the channels of multi-channel files")
        command.add_argument("--index", choices=["exact", "faiss"], default="exact", help="faiss: approximate, faster")
    return parser


def run_build(args: argparse.Namespace) -> None:
    """Embed recordings that the index lacks."""
    from espnet_ext.hub.fetch_model import model_folder
    from espnet_ext.inference.embed_files import embed_missing, report_errors
    from espnet_ext.inference.utt_encoder import UttEncoder
    from espnet_ext.kaldi.sources import list_sources
    from espnet_ext.search.index import SearchIndex
    from espnet_ext.search.model import manifest_of
    from espnet_ext.utils.atomic import exclusive_lock

    sources = list_sources(args.audio)
    model = model_folder(args.model)
    with exclusive_lock(args.index_dir / ".lock"):
        index = SearchIndex.open_or_create(args.index_dir, manifest_of(model, args.autocast))
        encoder = UttEncoder.from_pretrained(model, args.device, args.autocast, args.downmix)
        _, errors = embed_missing(encoder, sources, index, args.skip_errors)
        index = SearchIndex(args.index_dir)
        if args.index == "faiss":
            index.update_codes()
    print(f"{args.index_dir}: {len(index.vectors)} recordings; {', '.join(index.columns)}")
    report_errors(errors, len(sources), args.index_dir)


def run_query(args: argparse.Namespace) -> None:
    """Check the query before the model is loaded, embed its terms, and search. A text query loads no encoder."""
    from espnet_ext.search.index import SearchIndex
    from espnet_ext.search.query import QueryTerm, as_json, as_table, check_weight, parse_audio_term, search

    check_weight(args.text_weight, "--text_weight")
    if not args.audio and args.text is None:
        raise UserError("an empty query: give --text, --audio or both; see --help")
    if args.text is None and args.text_attribute is not None:
        raise UserError("--text_attribute without --text: give the text")
    index = SearchIndex(args.index_dir)
    audio_terms = [parse_audio_term(word, index.columns) for word in args.audio]
    from espnet_ext.hub.fetch_model import model_folder
    from espnet_ext.inference.utt_encoder import UttEncoder
    from espnet_ext.search.model import embed_text, manifest_of
    from espnet_ext.teachers import Runtime

    model = model_folder(args.model)
    index.check_model(manifest_of(model))
    terms = []
    if args.text is not None:
        text = QueryTerm(args.text_attribute, args.text, args.text_weight)
        terms.append(embed_text(model, text, Runtime(args.device, args.teacher_dir and args.teacher_dir.absolute())))
    if audio_terms:
        encoder = UttEncoder.from_pretrained(model, args.device, downmix=args.downmix)
        vectors = encoder.encode([term.name for term in audio_terms])
        terms += [term._replace(vector=vectors[term.attribute][i]) for i, term in enumerate(audio_terms)]
    matches = search(index, terms, args.top, index.codes() if args.index == "faiss" else None)
    print(as_json(terms, matches) if args.json else as_table(terms, matches))


def main() -> None:
    args = build_parser().parse_args()
    if not find_spec("faiss"):
        raise UserError("search needs FAISS; install it with tools/venv/bin/python -m pip install faiss-cpu")
    {"build": run_build, "query": run_query}[args.command](args)


if __name__ == "__main__":
    run_main(main)
