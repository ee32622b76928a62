"""Language-independent targets: the mean of a sentence's targets over its translations."""

import json
from collections import defaultdict
from pathlib import Path

import kaldiio
import numpy as np

from espnet_ext.kaldi.archives import write_ark
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.utils.atomic import write_json_atomic
from espnet_ext.utils.errors import UserError


def translations_name(attribute: str) -> str:
    """Stem of the files of an attribute's averaged targets, next to `target_<attribute>`."""
    return f"target_{attribute}_translations"


def average_translations(dump_dir: Path, attribute: str) -> None:
    """Write `target_<attribute>_translations.scp`, its archive and its JSON.

    A teacher's vectors of one sentence differ between languages. Their mean over the languages (each language with
    the mean of its different vectors) is the target of all translations. An utterance without a sentence id keeps its
    target.

    Args:
        dump_dir: dump/<set> with utt2sent, utt2lang and target_<attribute>.scp.
        attribute: name of the attribute.

    Raises:
        UserError: there are targets, but utt2sent or utt2lang, which identify translations, is absent.
    """
    data = DataDir(dump_dir)
    entries = read_scp(dump_dir / f"target_{attribute}.scp")
    utt2sent = data.utt2sent or {}
    for needed in ("utt2sent", "utt2lang"):
        if data.read(needed) is None and set(entries.values()) != {"None"}:
            raise UserError(f"{dump_dir}: average_translations needs {needed}; leave the option out for this corpus")
    by_sentence: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for utterance, sentence in utt2sent.items():
        if entries[utterance] != "None":
            by_sentence[sentence][data.utt2lang[utterance]].add(entries[utterance])
    name = translations_name(attribute)
    means = ((sentence, _mean_over_languages(languages)) for sentence, languages in sorted(by_sentence.items()))
    averaged = write_ark(dump_dir / f"{name}.ark", means)
    for utterance, sentence in utt2sent.items():
        if entries[utterance] != "None":
            entries[utterance] = averaged[sentence]
    write_scp(dump_dir / f"{name}.scp", entries)
    description = json.loads((dump_dir / f"target_{attribute}.json").read_text(encoding="utf-8"))
    write_json_atomic(dump_dir / f"{name}.json", description | {"averaged_over": "translations"})


def _mean_over_languages(languages: dict[str, set[str]]) -> np.ndarray:
    """Unit vector (dim,) from language -> scp entries of its different targets."""
    means = [np.mean([kaldiio.load_mat(entry) for entry in sorted(entries)], axis=0) for entries in languages.values()]
    total = sum(mean / np.linalg.norm(mean) for mean in means)
    return np.asarray(total / np.linalg.norm(total), np.float32)
