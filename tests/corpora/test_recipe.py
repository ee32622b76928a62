"""A corpus from outside the package in a recipe's table, and how options are declared."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

import espnet_ext
from emotion_sets import RECIPE as EMOTION
from espnet_ext.bin.prepare_data import prepare_data
from espnet_ext.corpora.corpus import Corpus, Option, Options, SetContent
from espnet_ext.corpora.corpus_set import split_sets
from espnet_ext.corpora.lengths import with_lengths
from espnet_ext.corpora.recipe import CorpusEntry, Recipe, prepare
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError
from fleurs_voxceleb_sets import RECIPE
from helpers.clips import tone, write_audio


def read_toy(options: Options, split: str, data: Path) -> SetContent:
    """Files `<split>/<speaker>_<sentence>.wav`, with their names as text."""
    content = TOY.content(options)
    utterances = [
        Utterance(
            f"toy-{path.stem}", f"toy-{path.stem[0]}", path, 0, "eng", text=f"{options.toy_prefix} {path.stem[2:]}"
        )
        for path in sorted((options.toy / split).glob("*.wav"))
    ]
    content.utterances = with_lengths(
        utterances, content.excluded, options.nj, "toy", options.toy, options.max_left_out
    )
    return content


TOY = Corpus(
    "toy",
    "Toy",
    "CC0",
    "<split>/*.wav",
    read_toy,
    (Option("toy_prefix", "It's", "first word of a text", choices=("It's", "A")),),
)
ENTRY = CorpusEntry(TOY, "no training on toys", split_sets(TOY, "dev"))


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """Speakers a and b are in train, b and c in dev; a and c speak the same sentences."""
    for number, name in enumerate(("train/a_one", "train/a_two", "train/b_three", "dev/b_four", "dev/c_two")):
        write_audio(tmp_path / f"toy/{name}.wav", tone(300, 0.5 + number / 100))
    return tmp_path / "toy"


@pytest.fixture
def recipe() -> Recipe:
    """The recipe with one more line in its table."""
    return replace(RECIPE, corpora=(*RECIPE.corpora, ENTRY))


def test_a_corpus_is_one_declaration_and_one_line_of_the_table(recipe: Recipe, toy: Path, tmp_path: Path) -> None:
    lines = list(prepare(recipe, recipe.make_options(toy=toy, toy_prefix="A"), tmp_path / "data"))
    train, dev = DataDir(tmp_path / "data/toy_train"), DataDir(tmp_path / "data/toy_dev")
    assert train.text == {"toy-a_one": "A one"}
    assert dev.text == {"toy-b_four": "A four", "toy-c_two": "A two"}
    assert train.utt2num_samples == {"toy-a_one": 8000}
    assert sorted(path.name for path in train.path.iterdir()) == [
        "excluded.tsv", "provenance.json", "spk2utt", "text", "utt2lang", "utt2num_samples", "utt2source", "utt2spk",
        "wav.scp",
    ]  # fmt: skip
    assert any(line.startswith("--mls not given: no training on MLS") for line in lines)


def test_its_options_are_listed_for_the_shell_and_parsed(
    recipe: Recipe, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("sys.argv", ["prepare", "--list_options"])
    prepare_data(recipe)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "# Corpora"
    assert "toy=''  # Toy: folder with <split>/*.wav" in lines
    assert """toy_prefix='It'"'"'s'  # first word of a text""" in lines
    assert "merge_excited=true  # true: excited turns of IEMOCAP are labeled happy" not in lines
    monkeypatch.setattr("sys.argv", ["prepare", "--data", str(tmp_path / "data"), "--toy", str(toy)])
    prepare_data(recipe)
    assert set(DataDir(tmp_path / "data/toy_dev").text.values()) == {"It's four", "It's two"}
    with pytest.raises(UserError, match="--toy .*absent: no such folder; unpack the corpus there"):
        recipe.make_options(toy=tmp_path / "absent")


def test_an_overlap_that_its_sets_do_not_allow_is_an_error(toy: Path, tmp_path: Path) -> None:
    train, dev = split_sets(TOY, "dev")
    leaking = replace(train, make=lambda preparation: preparation.read(TOY, "train"))
    recipe = Recipe("test", (CorpusEntry(TOY, "", (leaking, dev)),))
    with pytest.raises(UserError, match=r"toy_dev.* overlaps with .*toy_train"):
        list(prepare(recipe, recipe.make_options(toy=toy), tmp_path / "data"))


def test_a_set_that_cannot_be_made_is_skipped_only_if_optional_and_allowed(toy: Path, tmp_path: Path) -> None:
    def fail(preparation: object) -> SetContent:
        raise UserError("broken table")

    train, dev = split_sets(TOY, "dev")
    entry = CorpusEntry(TOY, "", (replace(train, make=fail), dev), optional=True)
    recipe = Recipe("test", (entry,))
    with pytest.raises(UserError, match=r"broken table \(or continue without toy_train: --allow_incomplete true\)"):
        list(prepare(recipe, recipe.make_options(toy=toy), tmp_path / "data"))
    lines = list(prepare(recipe, recipe.make_options(toy=toy, allow_incomplete=True), tmp_path / "data"))
    assert lines[0] == "toy_train: not prepared: broken table"
    assert (tmp_path / "data/not_prepared.tsv").read_text() == "toy_train\tbroken table\n"
    required = replace(recipe, corpora=(replace(entry, optional=False),))
    with pytest.raises(UserError, match="broken table$"):
        list(prepare(required, recipe.make_options(toy=toy, allow_incomplete=True), tmp_path / "data"))


@pytest.mark.parametrize(("name", "recipe"), [("fleurs_voxceleb", RECIPE), ("emotion", EMOTION)])
def test_the_help_of_a_recipe_lists_every_option(name: str, recipe: Recipe, tmp_path: Path) -> None:
    repository = Path(espnet_ext.__file__).parents[1]
    copy = tmp_path / "it's a copy" / "egs" / name
    shutil.copytree(repository / "egs" / name, copy, symlinks=True)
    for link in ("utt.sh", "path.sh", "cmd.sh"):
        (copy / link).unlink()
        (copy / link).symlink_to(repository / "egs/TEMPLATE" / link)
    (copy.parents[1] / "tools").symlink_to(repository / "tools")
    for command in ("run.sh", "local/data.sh"):
        done = subprocess.run([copy / command, "--help"], capture_output=True, text=True, check=True, cwd="/")
        for option in recipe.declared_options():
            assert f"  --{option.name} " in done.stdout, command


@pytest.mark.parametrize("recipe", [RECIPE, EMOTION])
def test_names_of_options_and_sets_are_unique(recipe: Recipe) -> None:
    names = [option.name for option in recipe.declared_options()]
    assert len(names) == len(set(names))
    sets = [one.name for entry in recipe.corpora for one in entry.sets] + [one.name for one in recipe.joint_sets]
    assert len(sets) == len(set(sets))
    assert {name for entry in recipe.corpora for one in entry.sets for name in one.apart_from} <= set(sets)
