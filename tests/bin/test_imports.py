"""Commands load the slow packages only for work that needs them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

import espnet_ext.bin
from espnet_ext.kaldi.utterances import Utterance, write_utterances

# Their imports take from half a second (numpy) to tens of seconds on a slow machine.
MODELS = {"torch", "transformers", "espnet2", "huggingface_hub", "peft"}
SLOW = MODELS | {"distributed", "matplotlib", "numpy", "pandas", "scipy", "sklearn"}
COMMANDS = sorted(
    path.stem
    for path in Path(espnet_ext.bin.__path__[0]).glob("*.py")
    if "run_main(" in path.read_text().split("\n\n")[-1]
)
# Runs a command once for each list of arguments, in one process; the last line has the statuses and the loaded modules.
SCRIPT = """
import json, runpy, sys
command, runs = sys.argv[1], json.loads(sys.argv[2])
statuses = []
for words in runs:
    sys.argv = [command, *words]
    try:
        runpy.run_module(f"espnet_ext.bin.{command}", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        statuses.append(end.code)
print(json.dumps([statuses, sorted(sys.modules)]))
"""


def run(command: str, *runs: list[object]) -> tuple[list[int], set[str], str]:
    """Exit status of each run of a command, modules loaded after the last one, and stderr."""
    words = json.dumps([[str(word) for word in run] for run in runs])
    done = subprocess.run([sys.executable, "-c", SCRIPT, command, words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    statuses, modules = json.loads(done.stdout.splitlines()[-1])
    return statuses, set(modules), done.stderr


def test_all_commands_are_found() -> None:
    assert {"step", "report", "extract", "utt_train"} <= set(COMMANDS)
    assert not {"entry", "argument_types"} & set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_and_wrong_arguments_import_no_slow_package(command: str) -> None:
    statuses, modules, stderr = run(command, ["--help"], ["--no_such_option", "1"])
    assert statuses == [0, 1]
    assert stderr.startswith("error: ") and stderr.endswith("; see --help\n")
    assert modules & (SLOW | {"pydantic"}) == set()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory of two utterances."""
    folder = tmp_path / "data" / "train"
    folder.mkdir(parents=True)
    utterances = []
    for name, language in (("a", "eng"), ("b", "fra")):
        soundfile.write(folder / f"{name}.wav", np.full(8000, 0.1), 16000)
        utterances.append(Utterance(f"{name}-1", name, folder / f"{name}.wav", 8000, language, text=f"Text {name}"))
    write_utterances(folder, utterances)
    return folder


@pytest.fixture
def attributes(tmp_path: Path, attributes_block: dict) -> Path:
    """An attributes file; `lang` is learned from labels."""
    lang = {"target": {"labels": "utt2lang"}, "head": {"hidden_dim": 8, "dim": 4}, "objective": {"name": "softmax"}}
    path = tmp_path / "attributes.yaml"
    path.write_text(yaml.safe_dump({"attributes": attributes_block | {"lang": lang}}))
    return path


def test_a_step_imports_only_the_standard_library_and_filelock(tmp_path: Path) -> None:
    step = ["--label", "work", "--state", tmp_path / "state.json", "--inputs", __file__, "--", "true"]
    statuses, modules, _ = run("step", step, step)
    assert statuses == [0, 0]
    _, of_any_interpreter, _ = run("step")
    packages = {name.partition(".")[0] for name in modules - of_any_interpreter}
    assert packages - sys.stdlib_module_names == {"espnet_ext", "filelock"}


def test_attributes_are_listed_without_torch(attributes: Path, tmp_path: Path) -> None:
    """Training configs are checked only once."""
    config, checked = tmp_path / "train.yaml", tmp_path / "checked.json"
    config.write_text("num_iters_per_epoch: 1\n")
    words = [attributes, "sem+spk", "--configs", config, "--checked", checked]
    (statuses, modules, _), (again, modules_again, _) = run("list_attributes", words), run("list_attributes", words)
    assert (statuses, again) == ([0], [0])
    assert "torch" in modules
    assert modules_again & (SLOW - {"numpy"}) == set()


def test_the_input_of_a_training_is_chosen_without_numpy(tmp_path: Path) -> None:
    (tmp_path / "train.yaml").write_text("max_epoch: 1\nencoder_conf: {freeze_blocks: -1}\n")
    (tmp_path / "utt2num_samples").write_text("a 8000\n")
    statuses, modules, _ = run("choose_input", ["--configs", tmp_path / "train.yaml", "--train_dump", tmp_path])
    assert statuses == [0]
    assert modules & SLOW == set()


def test_data_is_validated_dumped_combined_and_labeled_without_models(
    tmp_path: Path, data: Path, attributes: Path
) -> None:
    dump, combined = tmp_path / "dump" / "train", tmp_path / "dump" / "both"
    for command, words in (
        ("validate_data", [data]),
        ("dump_audio", ["--data_dir", data, "--dump_dir", dump, "--nj", 1]),
        ("combine_dumps", ["--out", combined, "--dumps", dump]),
        ("dump_targets", ["--attributes", attributes, "--attribute", "lang", "--dump_dir", combined]),
    ):
        statuses, modules, stderr = run(command, words)
        assert statuses == [0], f"{command}: {stderr}"
        assert modules & (SLOW - {"numpy"}) == set(), command
