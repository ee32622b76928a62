"""The model: speech and cached layers give the same loss; missing targets; embeddings alone and in a batch."""

import copy

import pytest
import torch
from torch import Tensor, nn

from espnet_ext.config.attributes import parse_attributes
from espnet_ext.model.encoder import build_encoder
from espnet_ext.model.freezing import freeze_blocks
from espnet_ext.model.utt_model import UntrainedModel
from espnet_ext.tasks.espnet_model import ESPnetUttModel
from espnet_ext.utils.errors import UserError

DIMS = {"sem": 8, "spk": 6}


@pytest.fixture
def model(encoder_config: dict, attributes_block: dict) -> ESPnetUttModel:
    torch.manual_seed(0)
    return ESPnetUttModel(
        build_encoder(encoder_config), parse_attributes(attributes_block, "test"), gradient_interval=2
    ).eval()


@pytest.fixture
def batch() -> dict[str, Tensor]:
    torch.manual_seed(1)
    speech = 0.1 * torch.randn(4, 9000)
    targets = {name: nn.functional.normalize(torch.randn(4, dim), dim=-1) for name, dim in DIMS.items()}
    return {"speech": speech, "speech_lengths": torch.tensor([9000, 4000, 800, 7001]), **targets}


def test_speech_and_cached_layers_give_the_same_loss(model: ESPnetUttModel, batch: dict) -> None:
    layers, mask = model.encoder(batch["speech"], batch["speech_lengths"])
    cached = {
        "layers": torch.stack(layers, dim=2).masked_fill(~mask[:, :, None, None], 7.0),
        "layers_lengths": mask.sum(dim=1),
        **{name: batch[name] for name in DIMS},
    }
    loss, statistics, weight = model(**batch)
    other_loss, other_statistics, other_weight = model(**cached)
    torch.testing.assert_close(loss, other_loss)
    torch.testing.assert_close(statistics, other_statistics)
    assert weight == other_weight == 4


@pytest.mark.parametrize("num_frozen", [1, 2])
def test_speech_and_the_cached_output_of_frozen_blocks_give_the_same_loss_and_gradients(
    model: ESPnetUttModel, batch: dict, num_frozen: int
) -> None:
    model.encoder.frame_average = 2
    freeze_blocks(model.encoder, num_frozen)
    with torch.no_grad():
        averaged, mask = model.encoder(batch["speech"], batch["speech_lengths"])
        full_rate, full_mask = model.encoder.encode(batch["speech"], batch["speech_lengths"])
    for layer in averaged[num_frozen:]:
        layer.fill_(7.0)  # of trained blocks: must not be read
    cached = {
        "layers": torch.stack(averaged, dim=2).masked_fill(~mask[:, :, None, None], 7.0),
        "layers_lengths": mask.sum(dim=1),
        "hidden": full_rate[num_frozen - 1].masked_fill(~full_mask[..., None], 7.0),
        "hidden_lengths": full_mask.sum(dim=1),
        **{name: batch[name] for name in DIMS},
    }
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    losses = [model(**inputs)[0] for inputs in (batch, cached)]
    torch.testing.assert_close(losses[0], losses[1])
    gradients = [torch.autograd.grad(loss, trained, allow_unused=True) for loss in losses]
    for parameter, one, other in zip(trained, *gradients, strict=True):
        assert one is not None, parameter.shape
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_the_loss_is_the_weighted_sum_of_terms_and_attributes(model: ESPnetUttModel, batch: dict) -> None:
    embeddings = model.embed(batch["speech"], batch["speech_lengths"])
    present = torch.ones(4, dtype=torch.bool)
    terms = {
        name: [objective(embeddings[name], batch[name], present) for objective in model.objectives[name]]
        for name in DIMS
    }
    expected = terms["sem"][0] + 0.2 * terms["sem"][1] + 0.5 * terms["spk"][0]
    loss, statistics, _ = model(**batch)
    # Four utterances, and a nominal batch of one.
    assert loss.item() == pytest.approx(4 * expected.item())
    assert statistics["loss"].item() == pytest.approx(expected.item())
    assert statistics["loss_spk"].item() == pytest.approx(terms["spk"][0].item())
    cosines = (embeddings["sem"] * batch["sem"]).sum(dim=1)
    assert statistics["cos_sem"].item() == pytest.approx(cosines.mean().item())


def test_an_utterance_has_the_same_weight_in_any_batch(model: ESPnetUttModel, batch: dict) -> None:
    def cosine_gradient(rows: slice) -> torch.Tensor:
        model.zero_grad()
        model.nominal_batch = 3
        part = {name: value[rows] for name, value in batch.items() if name != "utt_id"}
        # Targets of spk only: its objective compares with no batch mates.
        part["sem"] = torch.full_like(part["sem"], torch.nan)
        model(**part)[0].backward()
        return model.heads["spk"].layer_mix.weight.grad.clone()

    whole = cosine_gradient(slice(0, 4))
    parts = cosine_gradient(slice(0, 1)) + cosine_gradient(slice(1, 4))
    torch.testing.assert_close(parts, whole, atol=1e-6, rtol=1e-4)


def test_rows_without_a_target_are_ignored(model: ESPnetUttModel, batch: dict) -> None:
    embeddings = model.embed(batch["speech"], batch["speech_lengths"])
    batch["spk"][[0, 3]] = torch.nan
    _, statistics, _ = model(**batch)
    expected = (embeddings["spk"] * batch["spk"]).sum(dim=1)[[1, 2]].mean()
    assert statistics["cos_spk"].item() == pytest.approx(expected.item())
    assert statistics["loss_spk"].item() == pytest.approx(2.0 * (1 - expected.item()))
    assert (statistics["targets_sem"], statistics["targets_spk"]) == (4, 2)
    # Half of the utterances have no loss of spk.
    expected = statistics["loss_sem"] + 0.5 * 0.5 * statistics["loss_spk"]
    assert statistics["loss"].item() == pytest.approx(expected.item())


def test_an_attribute_without_any_target_adds_no_loss_and_no_nan(model: ESPnetUttModel, batch: dict) -> None:
    batch["spk"] = torch.full_like(batch["spk"], torch.nan)
    loss, statistics, _ = model.train()(**batch)
    loss.backward()
    assert statistics["cos_spk"].isnan() and statistics["loss_spk"].isnan() and statistics["targets_spk"] == 0
    assert statistics["loss"] == statistics["loss_sem"]
    torch.testing.assert_close(loss.detach(), 4 * statistics["loss_sem"])
    # Every head remains in the graph, as distributed training requires.
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None and parameter.grad.isfinite().all(), name
    assert all((parameter.grad == 0).all() for parameter in model.heads["spk"].parameters())


def test_the_keys_of_the_statistics_are_equal_at_every_training_step(model: ESPnetUttModel, batch: dict) -> None:
    model.train()
    steps = [model(**batch)[1] for _ in range(3)]
    gradient_keys = {"gradnorm_sem", "gradnorm_spk", "gradcos_sem_spk"}
    of_attributes = {f"{kind}_{name}" for kind in ("loss", "cos", "targets") for name in DIMS}
    assert set(steps[0]) == {"loss"} | of_attributes | gradient_keys
    assert set(steps[0]) == set(steps[1]) == set(steps[2])
    assert [bool(step["gradcos_sem_spk"].isfinite()) for step in steps] == [True, False, True]
    assert not gradient_keys & set(model.eval()(**batch)[1])


def test_an_epoch_measures_the_same_steps_after_a_resume(model: ESPnetUttModel, batch: dict) -> None:
    model.train()(**batch)
    assert model.train()(**batch)[1]["gradcos_sem_spk"].isfinite()


def test_a_frozen_encoder_has_no_gradient_statistics_and_no_gradient(model: ESPnetUttModel, batch: dict) -> None:
    freeze_blocks(model.encoder, -1)
    loss, statistics, _ = model.train()(**batch)
    loss.backward()
    assert not any(key.startswith("grad") for key in statistics)
    assert all(parameter.grad is None for parameter in model.encoder.parameters())


def test_an_embedding_does_not_depend_on_its_batch(model: ESPnetUttModel) -> None:
    torch.manual_seed(2)
    lengths = torch.randint(400, 16_000, (32,))
    speech = [0.1 * torch.randn(length) for length in lengths.tolist()]
    padded = nn.utils.rnn.pad_sequence(speech, batch_first=True, padding_value=3.0)
    for embed in (model.embed, UntrainedModel(model.encoder, list(DIMS)).embed):
        with torch.no_grad():
            together = embed(padded, lengths)
            for index, samples in enumerate(speech):
                alone = embed(samples[None], lengths[index : index + 1])
                for name in DIMS:
                    torch.testing.assert_close(together[name][index], alone[name][0], atol=1e-5, rtol=0)


def test_layer_weights_are_reported_for_each_attribute(model: ESPnetUttModel) -> None:
    weights = model.layer_weights()
    assert list(weights) == ["sem", "spk"]
    assert all(len(row) == 3 and sum(row) == pytest.approx(1) for row in weights.values())


def test_bfloat16_products_keep_the_embedding_close(encoder_config: dict, attributes_block: dict, batch: dict) -> None:
    torch.manual_seed(0)
    attributes = parse_attributes(attributes_block, "test")
    model = ESPnetUttModel(build_encoder(encoder_config), attributes, autocast="bfloat16").eval()
    half = copy.deepcopy(model)
    model.autocast_dtype = None
    exact, rounded = (m.embed(batch["speech"], batch["speech_lengths"]) for m in (model, half))
    for name in DIMS:
        assert not torch.equal(exact[name], rounded[name])
        assert ((exact[name] * rounded[name]).sum(dim=1) > 0.99).all()


def test_an_unknown_autocast_is_refused(encoder_config: dict, attributes_block: dict) -> None:
    attributes = parse_attributes(attributes_block, "test")
    with pytest.raises(UserError, match="autocast 'fp16' is unknown; legal: float32, bfloat16"):
        ESPnetUttModel(build_encoder(encoder_config), attributes, autocast="fp16")
