"""All corpora of egs/fleurs_voxceleb as tiny trees, of tones."""

from collections.abc import Iterator
from pathlib import Path

from espnet_ext.corpora import recipe
from espnet_ext.corpora.corpus import Options
from fleurs_voxceleb_sets import RECIPE
from helpers.clips import Clip, tone, tones
from helpers.common_voice_tree import write_common_voice
from helpers.fleurs_tree import write_fleurs
from helpers.mls_tree import write_mls
from helpers.mtedx_tree import write_mtedx
from helpers.voxceleb_tree import write_voxceleb1, write_voxceleb2
from helpers.voxpopuli_tree import write_voxpopuli

FLEURS = {
    "train": tones(["ann", "bob"], ["eng", "fra"], ["s1", "s2"]),
    "dev": tones(["cid"], ["eng", "fra"], ["s3"]),
    "test": tones(["dan"], ["eng", "fra"], ["s4", "s5"]),
}


def write_corpora(root: Path) -> dict[str, Path]:
    """All corpora; option -> folder."""
    names = ("fleurs", "voxceleb2", "voxceleb1", "commonvoice", "voxpopuli", "mtedx", "mls")
    roots = {name: root / name for name in names}
    write_fleurs(roots["fleurs"], FLEURS)
    speakers = [f"speaker{n}" for n in range(6)]
    write_voxceleb2(
        roots["voxceleb2"], tones(speakers, ["eng"], ["a", "b", "c", "d"]), tones(["other"], ["eng"], ["a"])
    )
    dev, test = tones(["eve", "fay"], ["eng"], ["a", "b", "c"]), tones(["gil", "hal"], ["eng"], ["a", "b"])
    write_voxceleb1(roots["voxceleb1"], dev, test)
    spoken = [*tones(["kim"], ["eng", "swe"], ["c1", "c2"]), *tones(["lea"], ["eng"], ["c3", "c4"])]
    # Of a speaker of dev (in another language), and with a text of dev.
    spoken += [*tones(["max"], ["swe"], ["c5"]), Clip("ned", "eng", "x", "sentence C6 in ENG", tone(300))]
    write_common_voice(roots["commonvoice"], {"train": spoken, "dev": tones(["max"], ["eng"], ["c6"])})
    parliament = {
        split: tones([f"{n}"], ["fra"], [f"p{n}", f"q{n}"]) for n, split in enumerate(("train", "dev", "test"))
    }
    write_voxpopuli(roots["voxpopuli"], parliament, tones(["interpreter"], ["eng"], ["p2", "q2"]))
    talks = tones(["ted"], ["ita"], ["t1", "t2"])
    write_mtedx(roots["mtedx"], {"test": talks}, {"t1": "One.", "t2": "Two."})
    books = {"train": tones(["1", "2"], ["deu", "fra"], ["b1", "b2"]), "dev": tones(["3"], ["deu"], ["b3"])}
    write_mls(roots["mls"], books | {"test": tones(["4"], ["deu"], ["b4"])})
    return roots


def tiny_options(roots: dict[str, Path], **changes) -> Options:
    """Options of stage 1 that go with corpora so small."""
    return RECIPE.make_options(
        **roots | {"languages": ("en_us", "fr_fr"), "num_valid_speakers": 2, "allow_incomplete": True} | changes
    )


def prepare(options: Options, data: Path) -> Iterator[str]:
    """Make the sets of the recipe."""
    return recipe.prepare(RECIPE, options, data)
