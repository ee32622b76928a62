"""Published numbers next to ours: shown cells, empty cells and refused files."""

from pathlib import Path

import pytest

from espnet_ext.bin import report
from espnet_ext.evaluation.results import COLUMNS, read_results
from espnet_ext.report.published import published_table, read_published
from espnet_ext.utils.errors import UserError

RECIPE = Path(__file__).parents[2] / "egs/fleurs_voxceleb/conf/published.yaml"
SMALL = """
source: A. Author, Conference 2026
systems: {Big: null, Teacher: teacher, Att(sem): sem, Att(sem+spk): sem+spk}
figures:
  - {name: Pairs, task: retrieval, attribute: sem, protocol: "one:fra-eng", set: s, metric: R@1,
     values: {Big: 91, Att(sem): 96.55}, note: protocol chosen by us.}
  - {name: Cost, task: verification, attribute: spk, protocol: O, set: v, metric: minDCF(0.01),
     values: {Teacher: 0.1104, Att(sem+spk): 0.1253}}
"""
RESULTS = """
sem sem retrieval one:fra-eng s R@1 96.0000 94.0000 97.0000 200 0.5000
sem+spk sem retrieval one:fra-eng s R@1 90.1234 - - 200 0.5000
sem+spk sem retrieval one:eng-fra s R@1 11.0000 - - 200 0.5000
sem+spk sem leakage O v minDCF(0.01) 0.9000 - - 37611 1.0000
sem+spk spk verification O v minDCF(0.01) 0.1200 0.1100 0.1311 37611 1.0000
"""


def write(folder: Path, results: str = RESULTS, published: str = SMALL) -> tuple[Path, Path]:
    """published.yaml and results.tsv."""
    (folder / "published.yaml").write_text(published)
    lines = [line.replace(" ", "\t").replace("\t-", "\t") for line in results.strip().splitlines()]
    (folder / "results.tsv").write_text("\n".join(["\t".join(COLUMNS), *lines]) + "\n")
    return folder / "published.yaml", folder / "results.tsv"


def test_each_cell_has_the_published_value_ours_and_their_difference(tmp_path: Path) -> None:
    published, results = write(tmp_path)
    table = published_table(read_published(published), read_results(results))
    assert [list(row) for row in table.rows] == [
        ["Pairs", "Big", "91.00", "not run", "-", "-", "-"],
        ["Pairs", "Att(sem)", "96.55", "96.00 [94.00, 97.00]", "-0.55", "200", "0.50"],
        ["Pairs", "Att(sem+spk)", "-", "90.12", "-", "200", "0.50"],
        ["Cost", "Teacher", "0.1104", "not run", "-", "-", "-"],
        ["Cost", "Att(sem+spk)", "0.1253", "0.1200 [0.1100, 0.1311]", "-0.0053", "37,611", "1.0000"],
    ]
    for part in ("A. Author", "Pairs = `one:fra-eng` on `s`", "Pairs: protocol chosen by us."):
        assert part in table.caption


def test_without_results_our_values_are_empty(tmp_path: Path) -> None:
    published, results = write(tmp_path, "x sem retrieval one:mean s R@1 1.0000 - - 2 0.5000")
    rows = published_table(read_published(published), read_results(results)).rows
    assert {row[3] for row in rows} == {"not run"} and {row[4] for row in rows} == {"-"}


def test_the_recipe_contains_the_table_of_the_paper() -> None:
    published = read_published(RECIPE)
    assert {figure.name: figure.values for figure in published.figures} == {
        "VoxPopuli speech to speech fr-en, R@1": {"SONAR": 91.91, "Att(sem)": 96.55, "Att(sem+spk)": 95.94},
        "mTEDx speech to text it-en, R@1": {"SONAR": 89.01, "Att(sem)": 90.69, "Att(sem+spk)": 90.10},
        "FLEURS speech to text my-en, R@1": {"Att(sem)": 14.11, "Att(sem+spk)": 16.38},
        "VoxCeleb1-O, EER": {"Teacher": 0.90, "Att(spk)": 0.93, "Att(sem+spk)": 0.91},
        "VoxCeleb1-O, minDCF": {"Teacher": 0.1104, "Att(spk)": 0.1285, "Att(sem+spk)": 0.1253},
    }
    assert "p_target" in published.figures[-1].note


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("metric: R@1", "metrics: R@1", "unknown key 'metrics' .did you mean metric"),
        (
            "task: retrieval",
            "task: retreival",
            "figures.0.: task must be .*'retreival' .did you mean retrieval",
        ),
        (
            "Att(sem): 96.55",
            "Att(sme): 96.55",
            "figures.0..values: unknown 'Att.sme.' .did you mean Att.sem",
        ),
        ("Att(sem): 96.55", "Att(sem): high", "figures.0..values: Att.sem. must be a valid number, found 'high'"),
        ("source: A", "sauce: A", "unknown key 'sauce'"),
        ("Big: null", "Big: 3", "systems: Big must be a valid string, found 3"),
    ],
)
def test_misspelled_keys_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    published, _ = write(tmp_path, published=SMALL.replace(old, new))
    with pytest.raises(UserError, match=rf"published.yaml.*{message}"):
        read_published(published)


def test_the_command_prints_and_writes_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    published, results = write(tmp_path, RESULTS.strip().splitlines()[0])
    words = f"report --results {results} --out_dir {tmp_path} --markdown {tmp_path}/R.md --published {published}"
    monkeypatch.setattr("sys.argv", words.split())
    report.main()
    section = (tmp_path / "R.md").read_text().split("\n## ")[2]
    assert section.startswith("Published and ours\n")
    assert section.count("not run") == 3
    assert "not run" in capsys.readouterr().out
