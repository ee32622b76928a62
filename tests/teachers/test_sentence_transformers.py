"""BGE-M3 and similar models against sentence-transformers, on a tiny XLM-R with random weights."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from espnet_ext.teachers import AbsTeacher, Runtime, build_teacher
from espnet_ext.utils.errors import UserError

pytest.importorskip("sentence_transformers", reason="an optional teacher")
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

TEXTS = ["Good morning.", "Guten Morgen, wie geht es dir?", "早上好", "a " * 400, "До свидания", "x", ""]


def write_model(folder: Path, pooling: str = "cls") -> Path:
    """Write a model folder with the layout of BAAI/bge-m3: XLM-R, Pooling, Normalize."""
    special = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4}
    letters = sorted(set("".join(TEXTS)))
    tokenizer = Tokenizer(models.WordLevel(special | {c: 5 + i for i, c in enumerate(letters)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = {"bos_token": "<s>", "cls_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "sep_token": "</s>"}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", mask_token="<mask>", **names)
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=5 + len(letters),
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=40,
        max_position_embeddings=130,
        type_vocab_size=1,
        initializer_range=0.2,
    )
    source = folder.with_name(folder.name + " parts")
    XLMRobertaModel(config).save_pretrained(source)
    fast.save_pretrained(source)
    modules = [Transformer(str(source), max_seq_length=128), Pooling(24, pooling_mode=pooling), Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder), create_model_card=False)
    return folder


@pytest.fixture(scope="module")
def teacher_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teachers")
    write_model(folder / "BAAI" / "bge-m3")
    return folder


@pytest.fixture(scope="module")
def teacher(teacher_dir: Path) -> AbsTeacher:
    return build_teacher("bge_m3", Runtime("cpu", teacher_dir))


def test_bge_m3_is_the_normalized_first_token_of_each_single_text(teacher: AbsTeacher, teacher_dir: Path) -> None:
    library = SentenceTransformer(str(teacher_dir / "BAAI" / "bge-m3"), device="cpu")
    network, tokenizer = library[0].auto_model.eval(), library.tokenizer
    for text, vector in zip(TEXTS, teacher.embed(TEXTS), strict=True):
        np.testing.assert_allclose(vector, library.encode([text])[0], atol=1e-5)
        with torch.no_grad():
            inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=128)
            first = network(**inputs).last_hidden_state[0, 0]
        np.testing.assert_allclose(vector, torch.nn.functional.normalize(first, dim=0), atol=1e-5)
    assert teacher.dim == 24


def test_a_text_does_not_depend_on_its_batch_mates(teacher: AbsTeacher, monkeypatch: pytest.MonkeyPatch) -> None:
    together = teacher.embed(TEXTS)
    np.testing.assert_allclose(teacher.embed(TEXTS[::-1])[::-1], together, atol=1e-6)
    monkeypatch.setattr("espnet_ext.teachers.sentence_transformers.CPU_BATCH", 1)
    np.testing.assert_allclose(teacher.embed(TEXTS), together, atol=1e-6)


def test_any_model_folder_pools_as_its_modules_declare_and_can_have_a_prompt(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "other", pooling="mean")
    teacher = build_teacher("sentence_transformers", Runtime("cpu"), model=str(folder), prompt="x: ")
    expected = SentenceTransformer(str(folder), device="cpu").encode(["x: Good morning."])
    np.testing.assert_allclose(teacher.embed(["Good morning."]), expected, atol=1e-6)
    assert teacher.normalisation == "prefix `x: `; float32; L2"


def test_bfloat16_is_close_and_has_another_target_version(teacher: AbsTeacher, teacher_dir: Path) -> None:
    half = build_teacher("bge_m3", Runtime("cpu", teacher_dir), precision="bfloat16")
    cosine = (half.embed(TEXTS) * teacher.embed(TEXTS)).sum(axis=1)
    assert 0.99 < cosine.min() < 1 - 1e-6
    assert half.normalisation != teacher.normalisation


def test_the_version_depends_on_pooling_and_weights_and_not_on_the_folder(
    teacher: AbsTeacher, teacher_dir: Path, tmp_path: Path
) -> None:
    shutil.copytree(teacher_dir / "BAAI" / "bge-m3", tmp_path / "moved")
    (tmp_path / "moved" / "README.md").write_text("a card")
    (tmp_path / "moved" / "onnx").mkdir()
    (tmp_path / "moved" / "onnx" / "config.json").write_text("{}")
    assert build_teacher("bge_m3", Runtime("cpu", tmp_path / "moved")).version == teacher.version
    write_model(tmp_path / "mean", pooling="mean")
    assert build_teacher("bge_m3", Runtime("cpu", tmp_path / "mean")).version != teacher.version


def test_pickled_weights_are_read_if_there_are_no_others(
    teacher: AbsTeacher, teacher_dir: Path, tmp_path: Path
) -> None:
    """BAAI/bge-m3 is published in this form."""
    shutil.copytree(teacher_dir / "BAAI" / "bge-m3", tmp_path / "bge-m3")
    from safetensors.torch import load_file

    torch.save(load_file(tmp_path / "bge-m3" / "model.safetensors"), tmp_path / "bge-m3" / "pytorch_model.bin")
    (tmp_path / "bge-m3" / "model.safetensors").unlink()
    pickled = build_teacher("bge_m3", Runtime("cpu", tmp_path))
    np.testing.assert_allclose(pickled.embed(TEXTS), teacher.embed(TEXTS), atol=1e-7)


def test_code_in_a_model_is_not_run(teacher_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(teacher_dir / "BAAI" / "bge-m3", tmp_path / "model")
    modules = json.loads((tmp_path / "model" / "modules.json").read_text())
    modules[-1]["type"] = "custom.Evil"
    (tmp_path / "model" / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "model" / "custom.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(UserError, match=r"model cannot be read as a model: .*custom.Evil"):
        build_teacher("bge_m3", Runtime("cpu", tmp_path / "model"))
    assert not (tmp_path / "ran").exists()


def test_the_error_names_missing_weights(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[]")
    with pytest.raises(UserError, match=r"no weights of BAAI/bge-m3: expected modules.json and \*.safetensors or "):
        build_teacher("bge_m3", Runtime("cpu", tmp_path))


def test_an_unreachable_hub_gives_one_error_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    def offline(*_: object, **__: object) -> None:
        raise LocalEntryNotFoundError("offline")

    monkeypatch.setattr("huggingface_hub.snapshot_download", offline)
    with pytest.raises(UserError, match=r"the hub cannot deliver BAAI/bge-m3 \(revision 5\).*--teacher_dir"):
        build_teacher("bge_m3", Runtime("cpu"), revision="5")


def test_pickles_are_requested_only_if_there_are_no_safetensors(
    teacher_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def snapshot(model: str, revision: str | None, allow_patterns: list[str], **_: object) -> str:
        assert (model, revision) == ("BAAI/bge-m3", "main")
        asked.append(allow_patterns)
        return str(teacher_dir / "BAAI" / "bge-m3")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    build_teacher("bge_m3", Runtime("cpu"), revision="main")
    assert not any("bin" in pattern for pattern in asked[0])
    assert "1_Pooling/pytorch_model*.bin" in asked[1] and "pytorch_model*.bin" not in asked[1]


def test_unreadable_modules_give_one_error_line(teacher_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(teacher_dir / "BAAI" / "bge-m3", tmp_path / "bge-m3")
    (tmp_path / "bge-m3" / "modules.json").write_text("{")
    with pytest.raises(UserError, match="bge-m3 cannot be read as a model"):
        build_teacher("bge_m3", Runtime("cpu", tmp_path))
