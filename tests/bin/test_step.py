"""Steps: skipped only if unchanged, resumed only from outputs of the same inputs, one line on failure."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import espnet_ext
from espnet_ext.bin import step
from espnet_ext.utils import step_state
from espnet_ext.utils.errors import UserError

# Counts its runs in `runs`, and records the previous content of `out` before it appends to it.
COMMAND = """
import pathlib, sys
out = pathlib.Path(sys.argv[1])
with open("runs", "a") as runs:
    runs.write("x")
out.mkdir(exist_ok=True)
(out / "found").write_text(" ".join(sorted(path.name for path in out.iterdir())))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a space in its name, with the step's input and command."""
    path = tmp_path / "a recipe"
    path.mkdir()
    monkeypatch.chdir(path)
    (path / "command.py").write_text(COMMAND)
    (path / "input").write_text("1")
    return path


def run(monkeypatch: pytest.MonkeyPatch, *options: str, command: tuple[str, ...] = ("out",)) -> None:
    """Run the step with the usual options and `options`."""
    words = ["--label", "work", "--state", "state/work.json", "--inputs", "input", "--outputs", "out", *options]
    monkeypatch.setattr("sys.argv", ["step", *words, "--", sys.executable, "command.py", *command])
    step.run_step(step.parse_args())


def runs() -> int:
    return len(Path("runs").read_text()) if Path("runs").exists() else 0


def test_an_unchanged_step_is_skipped(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run(monkeypatch)
    run(monkeypatch)
    assert runs() == 1
    assert "work: up to date" in capsys.readouterr().out


def test_the_date_of_an_input_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch)
    Path("input").write_text("1")
    run(monkeypatch)
    assert runs() == 1


def change(what: str) -> tuple[str, ...]:
    """Make a change and return the arguments of the command."""
    if what == "input":
        Path("input").write_text("2")
    return ("out", "--more") if what == "command" else ("out",)


@pytest.mark.parametrize(("what", "why"), [("input", "input changed"), ("command", "more is , was not given")])
def test_a_change_removes_the_stale_outputs_and_runs_the_step_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str, why: str
) -> None:
    run(monkeypatch)
    Path("out/old").touch()
    run(monkeypatch, command=change(what))
    assert runs() == 2
    assert Path("out/found").read_text() == ""
    assert f"work: again, because {why}\n" in capsys.readouterr().out


@pytest.mark.parametrize("protect", [[], ["--protect", "out"]])
def test_another_version_of_a_package_gives_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], protect: list[str]
) -> None:
    run(monkeypatch, *protect)
    monkeypatch.setattr(step_state, "version", lambda package: "0")
    monkeypatch.setattr(step_state, "__version__", "0.0.0")
    run(monkeypatch, *protect)
    assert runs() == 1
    output = capsys.readouterr().out
    assert f"work: warning, this was made with espnet_ext {espnet_ext.__version__}, now 0.0.0, " in output
    assert "work: up to date" in output


def test_inputs_with_swapped_content_are_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("other").write_text("2")
    run(monkeypatch, "--inputs", "input", "other")
    Path("other").rename("third")
    run(monkeypatch, "--inputs", "input", "third")
    assert runs() == 2


def change_folder(what: str) -> None:
    """Make a change in the folder of a corpus."""
    deep = Path("a corpus/en/clips")
    if what == "another file":
        (deep / "b.mp3").touch()
    if what == "other content":
        (deep.parent / "train.tsv").write_text("longer")
    if what == "the same size later":
        os.utime(deep / "a.mp3", ns=(1, 1))
    if what == "another name":
        (deep.parent / "train.tsv").rename(deep.parent / "dev.tsv")
    if what == "another language":
        deep.parent.rename("a corpus/fr")


@pytest.mark.parametrize(
    "what", ["", "another file", "other content", "the same size later", "another name", "another language"]
)
def test_a_change_in_a_folder_runs_the_step_again(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    Path("a corpus/en/clips").mkdir(parents=True)
    Path("a corpus/en/train.tsv").write_text("short")
    Path("a corpus/en/clips/a.mp3").touch()
    Path("a corpus/link to nowhere").symlink_to("absent")
    Path("a corpus/link to itself").symlink_to(".")
    run(monkeypatch, "--folders", "a corpus")
    change_folder(what)
    run(monkeypatch, "--folders", "a corpus")
    assert runs() == (2 if what else 1)


def test_a_stale_output_file_is_removed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("out.txt").touch()
    run(monkeypatch, "--outputs", "out.txt", "absent")
    assert not Path("out.txt").exists()


def test_a_removed_output_is_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch)
    Path("out/found").unlink()
    Path("out").rmdir()
    run(monkeypatch)
    assert Path("out/found").exists()


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda: Path("out/found").unlink(), "out/found is missing"),
        (lambda: Path("out/found").write_text("more"), "out/found has 4 bytes instead of 0"),
        (lambda: Path("out/deep/part").unlink(), "out/deep/part is missing"),
        (lambda: shutil.rmtree("out"), "out/deep/part is missing; out/found is missing; out is missing"),
    ],
)
@pytest.mark.parametrize("protect", [[], ["--protect", "out"]])
def test_a_damaged_output_is_repaired_from_the_remaining_files(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[], None],
    why: str,
    protect: list[str],
) -> None:
    command = Path("command.py")
    command.write_text(f"{COMMAND}\n(out / 'deep').mkdir(exist_ok=True)\n(out / 'deep/part').write_text('whole')\n")
    run(monkeypatch, *protect)
    Path("out/other").write_text("of another step")
    damage()
    run(monkeypatch, *protect)
    assert runs() == 2
    assert Path("out/deep/part").read_text() == "whole"
    assert f"work: again, because {why}\n" in capsys.readouterr().out
    is_kept = why.count("missing") < 3
    assert Path("out/other").exists() == is_kept
    run(monkeypatch, *protect)
    assert runs() == 2


def test_only_the_listed_files_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    files = ("--files", "out", "found", "deep/**/*")
    run(monkeypatch, *files)
    Path("out/checkpoint").write_text("large")
    run(monkeypatch, *files)
    assert runs() == 1
    Path("out/found").unlink()
    run(monkeypatch, *files)
    assert runs() == 2
    assert Path("out/found").read_text() == "checkpoint"


def test_a_protected_step_with_changed_inputs_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, "--protect", "out/checkpoint", command=("out", "--rate", "1"))
    Path("out/checkpoint").touch()
    Path("input").write_text("2")
    told = r"work: rate is 2, was 1; input changed; to replace the old outputs give --overwrite, .* give --tag with a"
    with pytest.raises(UserError, match=told):
        run(monkeypatch, "--protect", "out/checkpoint", command=("out", "--rate", "2"))
    assert Path("out/checkpoint").exists() and runs() == 1
    Path("input").write_text("1")
    run(monkeypatch, "--protect", "out/checkpoint", command=("out", "--rate", "1"))
    assert runs() == 1
    run(monkeypatch, command=("out", "--rate", "2"))
    assert not Path("out/checkpoint").exists()


def test_a_protected_step_without_outputs_runs_again(monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, "--protect", "out/checkpoint", command=("out", "--rate", "1"))
    run(monkeypatch, "--protect", "out/checkpoint", command=("out", "--rate", "2"))
    assert runs() == 2


@pytest.mark.parametrize("broken", ["", "[]", "{", "{}", "[" * 100_000, '{"fingerprint": "0", "done": true}', "\0"])
def test_a_broken_state_file_runs_the_step_again_unless_it_is_protected(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], broken: str
) -> None:
    run(monkeypatch)
    Path("state/work.json").write_text(broken)
    with pytest.raises(
        UserError,
        match="work: state/work.json is damaged or of another version, so its inputs cannot be compared; to replace",
    ):
        run(monkeypatch, "--protect", "out")
    run(monkeypatch)
    assert runs() == 2
    assert (
        "work: again, because state/work.json is damaged or of another version, so its inputs cannot be compared"
        in capsys.readouterr().out
    )


EXTENDED = ("--protect", "out/found", "--extend", "epochs")


def test_more_epochs_continue_from_the_existing_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, *EXTENDED, command=("out", "--epochs", "5"))
    Path("out/checkpoint").touch()
    run(monkeypatch, *EXTENDED, command=("out", "--epochs", "10"))
    assert (runs(), Path("out/found").read_text()) == (2, "checkpoint found")
    with pytest.raises(UserError, match="work: epochs is 5, was 10; to replace"):
        run(monkeypatch, *EXTENDED, command=("out", "--epochs", "5"))


def test_a_failed_continuation_leaves_the_shorter_run_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, *EXTENDED, command=("out", "--epochs", "5"))
    whole = Path("command.py").read_text()
    Path("command.py").write_text("raise SystemExit(2)")
    with pytest.raises(UserError, match="failed with status 2"):
        run(monkeypatch, *EXTENDED, command=("out", "--epochs", "10"))
    Path("command.py").write_text(whole)
    run(monkeypatch, *EXTENDED, command=("out", "--epochs", "5"))
    assert runs() == 1


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ("epochs: 10  # longer", None),
        ("# a comment\nrate: 0.1\nepochs: 5\nbatch: 4", None),
        ("epochs: 5\nrate: 0.2", r"rate is 0.2, was 0.1"),
        ("epochs: 10\nrate: 0.2", r"epochs is 10, was 5; rate is 0.2, was 0.1"),
        ("epochs: five", "epochs is five, was 5"),
    ],
)
def test_a_config_file_counts_by_its_options(monkeypatch: pytest.MonkeyPatch, settings: str, why: str | None) -> None:
    options = (*EXTENDED, "--settings", "train.yaml", "--ignore", "batch")
    Path("train.yaml").write_text("epochs: 5\nrate: 0.1\nbatch: 8\n")
    run(monkeypatch, *options)
    if "rate" not in settings:
        settings += "\nrate: 0.1"
    Path("train.yaml").write_text(settings)
    if why is None:
        run(monkeypatch, *options)
        assert runs() == (2 if "10" in settings else 1)
    else:
        with pytest.raises(UserError, match=f"work: {why}; to replace"):
            run(monkeypatch, *options)


def test_an_option_of_the_command_overrides_the_config_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("train.yaml").write_text("epochs: 5")
    for command in (("out", "--epochs", "8"), ("out", "--epochs=8")):
        run(monkeypatch, "--settings", "train.yaml", command=command)
    assert runs() == 1


def test_a_step_depends_on_the_inputs_of_an_earlier_step_and_not_on_its_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def both() -> int:
        before = runs()
        run(monkeypatch)
        run(
            monkeypatch, "--state", "later.json", "--outputs", "later", "--after", "state/work.json", command=("later",)
        )
        return runs() - before

    assert both() == 2
    Path("out/found").unlink()
    assert both() == 1
    Path("input").write_text("2")
    run(monkeypatch, "--state", "later.json", "--outputs", "later", "--after", "state/work.json", command=("later",))
    assert both() == 2


def test_leftovers_of_killed_runs_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    left = [Path(name) for name in (".tmp-a-out", "out/.tmp-b-found", "out/deep/.tmp-c", "state/.tmp-d-work.json")]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    fail_once(monkeypatch, "half")
    Path("out/deep").mkdir()
    left[2].touch()
    run(monkeypatch)
    assert [path for path in left if path.exists()] == []


def test_ignored_options_are_not_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, "--ignore", "nj", command=("out", "--nj", "4", "--min", "4"))
    run(monkeypatch, "--ignore", "nj", command=("out", "--nj", "8", "--min", "4"))
    assert runs() == 1
    run(monkeypatch, "--ignore", "nj", command=("out", "--nj", "8", "--min", "8"))
    assert runs() == 2


def fail_once(monkeypatch: pytest.MonkeyPatch, leftover: str) -> None:
    """Make the run fail after it has written part of its output."""
    whole = Path("command.py").read_text()
    Path("command.py").write_text(f"{COMMAND}\n(out / {leftover!r}).touch()\nimport os\nos.kill(os.getpid(), 9)\n")
    with pytest.raises(UserError, match="work: failed with status -9"):
        run(monkeypatch)
    Path("command.py").write_text(whole)


def test_a_killed_run_resumes_from_its_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_once(monkeypatch, "half")
    run(monkeypatch)
    assert runs() == 2
    assert Path("out/found").read_text() == "found half"


def test_a_killed_run_never_resumes_from_outputs_of_another_input(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_once(monkeypatch, "half")
    Path("input").write_text("2")
    run(monkeypatch)
    assert Path("out/found").read_text() == ""


def test_the_error_names_a_missing_input(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("input").unlink()
    with pytest.raises(UserError, match="input: no such file, and the step needs it; run the earlier stages first"):
        run(monkeypatch)
    assert runs() == 0


def call(*options: str, body: str) -> subprocess.CompletedProcess[str]:
    """Run the step in a separate process, with a command of one line."""
    words = ["--label", "work", "--state", "state.json", *options, "--", sys.executable, "-c", body]
    return subprocess.run([sys.executable, "-m", "espnet_ext.bin.step", *words], capture_output=True, text=True)


def test_a_failed_command_gives_one_line_and_status_1() -> None:
    done = call(body="raise SystemExit(3)")
    assert (done.returncode, done.stderr) == (1, "error: work: failed with status 3\n")
    again = call(body="raise SystemExit(3)")
    assert again.returncode == 1


def test_a_missing_command_gives_one_line_and_status_1() -> None:
    words = ["--label", "work", "--state", "state.json", "--", "./no such command"]
    done = subprocess.run([sys.executable, "-m", "espnet_ext.bin.step", *words], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "error: No such file or directory: ./no such command\n")


def test_the_error_line_of_a_logged_command_is_shown() -> None:
    body = "import sys; sys.stderr.write('noise\\nerror: x.wav: empty\\nnoise\\n'); sys.exit(1)"
    done = call("--log", "exp/a.log", body=body)
    assert (done.returncode, done.stderr) == (1, "error: x.wav: empty; the full log is exp/a.log\n")


def test_no_second_error_line_follows_that_of_the_command() -> None:
    done = call(body="raise SystemExit('error: x.wav: empty')")
    assert (done.returncode, done.stderr) == (1, "error: x.wav: empty\n  work: failed\n")


def test_the_error_line_of_an_earlier_run_is_not_shown_again() -> None:
    call("--log", "a.log", body="import sys; sys.stderr.write('error: old\\n'); sys.exit(1)")
    done = call("--log", "a.log", body="import sys; sys.stderr.write('Traceback\\nValueError: new\\n'); sys.exit(1)")
    assert "old" not in done.stderr
    assert "ValueError: new" in done.stderr
    assert Path("a.1.log").read_text().startswith("error: old")


def test_logs_are_rotated_and_survive_the_removal_of_the_outputs() -> None:
    body = "import sys; open('out/model', 'w'); sys.stderr.write('run {}')"
    options = ("--log", "out/train.log", "--outputs", "out")
    for number in (1, 2, 3):
        if number > 1:
            Path("out/stale").touch()
        call(*options, body=body.format(number))
    assert {path.name: path.read_text() for path in Path("out").iterdir()} == {
        "model": "",
        "train.log": "run 3",
        "train.1.log": "run 2",
        "train.2.log": "run 1",
    }


def test_a_step_that_is_up_to_date_keeps_its_log() -> None:
    options = ("--log", "out/train.log", "--outputs", "out")
    for _ in range(2):
        call(*options, body="import sys; sys.stderr.write('one')")
    assert [path.name for path in Path("out").iterdir()] == ["train.log"]


def test_an_option_that_becomes_ignored_is_not_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, command=("out", "--logger", "a"))
    run(monkeypatch, "--ignore", "logger", command=("out", "--logger", "b"))
    assert runs() == 1
