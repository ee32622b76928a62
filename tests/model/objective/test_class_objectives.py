"""Softmax and AAM-softmax against float64 loops, SpeechBrain and ESPnet; missing rows, class weights, schedules."""

import math

import pytest
import torch
from torch import Tensor, nn

from espnet_ext.config.attributes import ObjectiveConfig
from espnet_ext.config.labels import LabelSpace
from espnet_ext.model.objective import AbsObjective, build_objective
from espnet_ext.utils.errors import UserError

COUNTS = {"deu": 10, "eng": 40, "fra": 2, "spa": 8}
DIM = 6
CASES = {
    "softmax": {},
    "aam_softmax": {"margin": 0.3, "scale": 20.0, "sub_centres": 3},
    "aam_softmax large margin": {"margin": 1.2, "scale": 20.0},
}


def unit(*shape: int) -> Tensor:
    return nn.functional.normalize(torch.randn(*shape), dim=-1)


def build(case: str, **options: object) -> AbsObjective:
    torch.manual_seed(0)
    config = ObjectiveConfig(name=case.split()[0], options=CASES[case] | options)
    return build_objective(config, "attribute lang", DIM, LabelSpace(kind="class", classes=COUNTS)).double()


def logits_of(objective: AbsObjective, embedding: Tensor, own: int | None) -> list[float]:
    """Logits of one embedding, number by number; `own` is the class whose angle has the margin."""
    if not hasattr(objective, "margin"):
        return (objective.classifier.weight @ embedding + objective.classifier.bias).tolist()
    logits = []
    for index, centers in enumerate(objective.weight):
        cosine = max(float((center @ embedding / center.norm()).detach()) for center in centers)
        if index == own and math.acos(cosine) + objective.margin < math.pi:
            cosine = math.cos(math.acos(cosine) + objective.margin)
        elif index == own:
            cosine -= objective.margin * math.sin(objective.margin)
        logits.append(objective.scale * cosine)
    return logits


@pytest.mark.parametrize("class_weights", ["none", "balanced"])
@pytest.mark.parametrize("rows", [[0, 1, 2, 3, 4, 5], [0, 2, 5], [3]])
@pytest.mark.parametrize("case", CASES)
def test_matches_a_float64_loop_over_the_rows_with_a_target(case: str, rows: list[int], class_weights: str) -> None:
    objective = build(case, class_weights=class_weights)
    embeddings, classes = unit(6, DIM).double(), [3, 1, 0, 2, 1, 3]
    if "aam" in case:  # one angle beyond pi - margin
        embeddings[0] = nn.functional.normalize(-objective.weight[3].sum(dim=0), dim=0)
    expected = 0.0
    for row in rows:
        logits = logits_of(objective, embeddings[row], classes[row])
        loss = math.log(sum(map(math.exp, logits))) - logits[classes[row]]
        expected += loss * (60 / (4 * list(COUNTS.values())[classes[row]]) if class_weights == "balanced" else 1.0)
    present = torch.zeros(6, dtype=torch.bool)
    present[rows] = True
    targets = torch.tensor(classes, dtype=torch.float64)[:, None].masked_fill(~present[:, None], 0.0)
    assert objective(embeddings, targets, present).item() == pytest.approx(expected / len(rows), rel=1e-6)
    predicted = torch.tensor([logits_of(objective, embedding, None) for embedding in embeddings])
    torch.testing.assert_close(objective.predict(embeddings), predicted.double(), rtol=1e-6, atol=1e-6)
    assert objective.measure(embeddings, targets).tolist() == (predicted.argmax(1) == targets[:, 0]).double().tolist()


@pytest.mark.parametrize("margin", [0.0, 0.2, 0.5])
def test_aam_softmax_equals_that_of_speechbrain_and_espnet(margin: float) -> None:
    from espnet2.spk.loss.aamsoftmax import AAMSoftmax
    from speechbrain.nnet.losses import AdditiveAngularMargin

    objective = build("aam_softmax", margin=margin, scale=30.0, sub_centres=1).float()
    embeddings, classes = unit(32, DIM).requires_grad_(), torch.randint(4, (32,))
    with torch.no_grad():
        embeddings[:4] = -nn.functional.normalize(objective.weight[classes[:4], 0], dim=-1)  # beyond pi - margin
    loss = objective(embeddings, classes[:, None].float(), torch.ones(32, dtype=torch.bool))
    (gradient,) = torch.autograd.grad(loss, embeddings)
    theirs = AAMSoftmax(DIM, 4, margin, 30)
    theirs.weight.data.copy_(objective.weight[:, 0])
    expected = theirs(embeddings, classes)[0]
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)
    # The reference normalizes the embeddings, so its gradient is tangential.
    tangential = gradient - (gradient * embeddings).sum(dim=1, keepdim=True) * embeddings
    torch.testing.assert_close(tangential, torch.autograd.grad(expected, embeddings)[0], rtol=1e-3, atol=1e-4)
    cosines = embeddings @ nn.functional.normalize(objective.weight[:, 0], dim=-1).T
    logits = AdditiveAngularMargin(margin, 30)(cosines, nn.functional.one_hot(classes, 4))
    torch.testing.assert_close(loss, nn.functional.cross_entropy(logits, classes), rtol=1e-5, atol=1e-4)


def test_an_embedding_on_its_class_center_has_a_finite_gradient() -> None:
    objective = build("aam_softmax", sub_centres=1).float()
    embeddings = nn.functional.normalize(objective.weight[:, 0], dim=-1).detach().requires_grad_()
    objective(embeddings, torch.arange(4.0)[:, None], torch.ones(4, dtype=torch.bool)).backward()
    assert embeddings.grad.isfinite().all() and objective.weight.grad.isfinite().all()


def test_the_margin_grows_over_training_batches_and_is_full_in_evaluation() -> None:
    objective = build("aam_softmax", margin_schedule=[1, 5])
    embeddings, targets, present = unit(3, DIM).double(), torch.tensor([[0.0], [1], [2]]), torch.ones(3).bool()
    expected = []
    for share in (0, 0, 0.25, 0.5, 0.75, 1, 1):
        fixed = build("aam_softmax", margin=share * objective.margin)
        expected.append(fixed(embeddings, targets, present).item())
    assert objective.eval()(embeddings, targets, present).item() == pytest.approx(expected[-1])
    objective.train()
    found = [objective(embeddings, targets, present).item() for _ in expected]
    assert found == pytest.approx(expected)
    # A resumed run continues the schedule.
    assert objective.state_dict()["num_batches"] == len(expected)


@pytest.mark.parametrize("case", CASES)
def test_without_any_target_loss_and_gradients_are_zero(case: str) -> None:
    objective, embeddings = build(case), unit(4, DIM).double().requires_grad_()
    loss = objective(embeddings, torch.zeros(4, 1), torch.zeros(4, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    # Parameters too: distributed training requires them in every graph.
    assert all((tensor.grad == 0).all() for tensor in (embeddings, *objective.parameters()))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("softmax", {"class_weights": "equal"}, "class_weights 'equal' is unknown; legal: none, balanced"),
        ("aam_softmax", {"margin": 2.0}, "needs 0 <= margin < pi/2, .* found margin 2.0"),
        ("aam_softmax", {"sub_centres": 0}, "sub_centres >= 1, .* sub_centres 0"),
        ("aam_softmax", {"margin_schedule": [5, 2]}, r"margin_schedule must be \[first, last\] batch, found \[5, 2\]"),
        ("aam_softmax", {"margin": "big"}, "objective aam_softmax: "),
        ("softmax", {"scale": 2}, "objective softmax: .*'scale'"),
        ("cosine", {}, "is not for labels of kind class; legal: aam_softmax, softmax, supervised_contrastive"),
        ("regression", {}, "objective regression is not for labels of kind class"),
    ],
)
def test_the_error_names_an_invalid_option(name: str, options: dict, message: str) -> None:
    with pytest.raises(UserError, match=f"^attribute lang: .*{message}"):
        build_objective(
            ObjectiveConfig(name=name, options=options), "attribute lang", DIM, LabelSpace(kind="class", classes=COUNTS)
        )


def test_class_objectives_need_labels_of_at_least_two_classes() -> None:
    with pytest.raises(UserError, match="x: objective softmax is not for a teacher's targets; legal: contrastive, cos"):
        build_objective(ObjectiveConfig(name="softmax"), "x", DIM)
    with pytest.raises(UserError, match="x: training has one class only, 'eng': there is nothing to learn"):
        build_objective(ObjectiveConfig(name="softmax"), "x", DIM, LabelSpace(kind="class", classes={"eng": 9}))
