"""Attacks stay in their balls, do what the linear case says exactly, and defend when trained on."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.adversarial.attacks import adversarial_loss, deepfool, fgsm, loss_gradient, pgd, project_to_ball
from course_lib.core.seeding import generator
from course_lib.data import digits

from ..refusals import refused

EPS = 0.08


@pytest.fixture(scope="module")
def trained():
    """A small network that knows the digits, and 200 of them that it did not learn from."""
    torch.manual_seed(0)
    data = digits()
    images, labels = (data.features / 16).float().view(-1, 1, 8, 8), data.labels
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimiser = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(150):
        optimiser.zero_grad()
        F.cross_entropy(model(images[200:]), labels[200:]).backward()
        optimiser.step()
    return model.eval(), images[:200], labels[:200]


def linear(classes: int = 3, device="cpu", dtype=torch.float32) -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, classes)).to(device, dtype).eval()


def share(model, images, labels):
    return float((model(images).argmax(dim=1) == labels).float().mean())


def test_the_gradient_is_each_images_own():
    model, images, labels = linear(), torch.rand(4, 3, 2, 2, generator=generator(0)), torch.tensor([0, 2, 1, 1])
    together = loss_gradient(model, images, labels)
    for i in range(4):
        torch.testing.assert_close(loss_gradient(model, images[i : i + 1], labels[i : i + 1])[0], together[i])


def test_fgsm_is_the_worst_change_of_a_linear_model_in_the_cube():
    """With two classes the loss is monotone in one linear score, so a corner of the cube is the worst point."""
    model = linear(2)
    images, labels = torch.rand(5, 3, 2, 2, generator=generator(1)) * 0.6 + 0.2, torch.tensor([0, 1, 0, 1, 1])
    attacked = fgsm(model, images, labels, eps=0.1)
    assert float((attacked - images).abs().min()) == pytest.approx(0.1, abs=1e-6)
    worst = F.cross_entropy(model(attacked), labels, reduction="none")
    corners = torch.cartesian_prod(*[torch.tensor([-0.1, 0.1])] * 12).view(-1, 3, 2, 2)  # all 4096
    for i in range(5):
        losses = F.cross_entropy(model(images[i] + corners), labels[i].expand(4096), reduction="none")
        assert bool(losses.max() <= worst[i] + 1e-5)
    towards = fgsm(model, images, labels, eps=0.1, targeted=True)
    torch.testing.assert_close(towards - images, images - attacked)


@pytest.mark.parametrize("norm", ["Linf", "L2"])
def test_projection_is_inside_and_the_nearest_point(norm):
    images = torch.rand(3, 2, 4, 4, generator=generator(2), dtype=torch.float64) * 0.2 + 0.4  # the range does not cut
    moved = images + torch.randn(3, 2, 4, 4, generator=generator(3), dtype=torch.float64)
    found = project_to_ball(moved, images, 0.1, norm=norm)
    size = (found - images).flatten(1).abs().amax(1) if norm == "Linf" else (found - images).flatten(1).norm(dim=1)
    torch.testing.assert_close(size, torch.full((3,), 0.1, dtype=torch.float64))
    torch.testing.assert_close(project_to_ball(found, images, 0.1, norm=norm), found)
    near = images + 0.3 * (found - images)  # what lies inside stays where it is
    torch.testing.assert_close(project_to_ball(near, images, 0.1, norm=norm), near)
    for seed in range(50):  # no other point of the ball is nearer
        other = torch.randn(3, 2, 4, 4, generator=generator(seed), dtype=torch.float64)
        size = other.flatten(1).abs().amax(1) if norm == "Linf" else other.flatten(1).norm(dim=1)
        other = other / size.view(-1, 1, 1, 1)
        assert ((found - moved).flatten(1).norm(dim=1) <= (images + 0.1 * other - moved).flatten(1).norm(dim=1)).all()


@pytest.mark.parametrize("norm", ["Linf", "L2"])
@pytest.mark.parametrize("start", [None, 5])
@pytest.mark.parametrize("targeted", [False, True])
def test_pgd_stays_in_the_ball_and_in_the_range(trained, norm, start, targeted):
    model, images, labels = trained
    eps = EPS if norm == "Linf" else 0.5
    stream = None if start is None else generator(start)
    goal = (labels + 1) % 10 if targeted else labels
    attacked = pgd(model, images, goal, eps=eps, steps=7, norm=norm, targeted=targeted, generator=stream)
    change = (attacked - images).flatten(1)
    size = change.abs().amax(1) if norm == "Linf" else change.norm(dim=1)
    assert float(size.max()) <= eps * (1 + 1e-5)
    assert float(size.mean()) > 0.5 * eps
    assert 0 <= float(attacked.min()) <= float(attacked.max()) <= 1
    assert attacked.device == images.device
    assert not attacked.requires_grad


def test_one_full_step_of_pgd_is_fgsm(trained):
    model, images, labels = trained
    torch.testing.assert_close(
        pgd(model, images, labels, eps=EPS, steps=1, step=EPS), fgsm(model, images, labels, eps=EPS)
    )


def test_pgd_beats_fgsm_which_beats_noise(trained):
    model, images, labels = trained
    noise = (images + EPS * torch.randn(images.shape, generator=generator(4)).sign()).clamp(0, 1)
    one_step, many = fgsm(model, images, labels, eps=EPS), pgd(model, images, labels, eps=EPS, steps=20)
    scores = [share(model, x, labels) for x in (images, noise, one_step, many)]
    assert scores[0] > 0.9
    assert scores[1] > 0.85
    assert scores[2] < scores[1] - 0.3
    assert scores[3] < scores[2] - 0.02
    moved = (attack(model, images, labels, eps=EPS) for attack in (fgsm, pgd))
    loss = [float(F.cross_entropy(model(x), labels).detach()) for x in moved]
    assert loss[1] > loss[0]


@pytest.mark.parametrize("norm", ["Linf", "L2"])
def test_a_targeted_attack_reaches_its_class_and_an_untargeted_one_only_leaves(trained, norm):
    model, images, labels = trained
    eps = 0.2 if norm == "Linf" else 1.2
    goal = (labels + 3) % 10
    before = share(model, images, goal)
    aimed = pgd(model, images, goal, eps=eps, steps=20, norm=norm, targeted=True)
    away = pgd(model, images, labels, eps=eps, steps=20, norm=norm)
    assert share(model, aimed, goal) > before + 0.5
    assert share(model, aimed, goal) > share(model, away, goal) + 0.3
    assert share(model, away, labels) < 0.1


def test_deepfool_is_exact_on_a_linear_classifier(device, dtype):
    """The distance to the boundary with class k is |f_k - f_y| / |w_k - w_y|; the nearest one counts."""
    model = linear(5, device, dtype)
    images = torch.rand(6, 3, 2, 2, generator=generator(5)).to(device, dtype)
    found = deepfool(model, images, overshoot=0.0)
    logits, weight = model(images).detach(), model[1].weight.detach()
    y = logits.argmax(dim=1)
    distances = (logits.gather(1, y[:, None]) - logits) / (weight[None] - weight[y][:, None]).norm(dim=2)
    distances[range(6), y] = float("inf")
    torch.testing.assert_close((found - images).flatten(1).norm(dim=1), distances.amin(dim=1), rtol=1e-4, atol=1e-5)
    beyond = deepfool(model, images, overshoot=0.02)
    assert (model(beyond).argmax(dim=1) == distances.argmin(dim=1)).all()
    norms = (beyond - images).flatten(1).norm(dim=1)
    torch.testing.assert_close(norms, 1.02 * distances.amin(dim=1), rtol=1e-4, atol=1e-5)


def test_deepfool_changes_all_classes_with_less_than_fgsm_and_pgd_need(trained):
    model, images, _ = trained
    found = deepfool(model, images)
    before = model(images).argmax(dim=1)
    assert (model(found).argmax(dim=1) != before).all()
    norms = (found - images).flatten(1).norm(dim=1)
    for eps in torch.linspace(0.01, 0.6, 60).tolist():  # FGSM's smallest eps that changes the class, per image
        other = fgsm(model, images, before, eps=eps)
        if eps < 0.011:
            least = torch.full_like(norms, float("inf"))
        length = (other - images).flatten(1).norm(dim=1)
        changed = (model(other).argmax(dim=1) != before) & torch.isinf(least)
        least = torch.where(changed, length, least)
    assert (norms < least).float().mean() > 0.95
    assert norms.median() < 0.8 * least.median()


def test_deepfool_treats_each_image_alone_and_leaves_no_graph(trained):
    model, images, _ = trained
    with torch.no_grad():
        together = deepfool(model, images[:5])
    torch.testing.assert_close(deepfool(model, images[3:4]), together[3:4], rtol=1e-4, atol=1e-5)
    assert not together.requires_grad


def test_adversarial_training_buys_robustness(trained):
    plain, images, labels = trained
    data = digits()
    X, y = (data.features[200:] / 16).float().view(-1, 1, 8, 8), data.labels[200:]
    torch.manual_seed(0)
    robust = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimiser, stream = torch.optim.Adam(robust.parameters(), 0.01), generator(0)
    for _ in range(120):
        optimiser.zero_grad()
        adversarial_loss(robust, X, y, eps=EPS, steps=4, generator=stream).backward()
        optimiser.step()
    robust.eval()
    attacked = [share(m, pgd(m, images, labels, eps=EPS, steps=10), labels) for m in (plain, robust)]
    assert attacked[1] > attacked[0] + 0.2


def test_the_loss_is_that_of_the_attacked_images_and_the_mode_is_kept():
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3), nn.Dropout(0.5)).train()
    images, labels = torch.rand(4, 3, 2, 2, generator=generator(6)), torch.tensor([0, 1, 2, 0])
    torch.manual_seed(5)
    found = adversarial_loss(model, images, labels, eps=0.1, steps=3, generator=generator(7))
    assert model.training
    attacked = pgd(model.eval(), images, labels, eps=0.1, steps=3, generator=generator(7))
    torch.manual_seed(5)
    torch.testing.assert_close(found, F.cross_entropy(model.train()(attacked), labels))
    found.backward()
    assert model[1].weight.grad.abs().sum() > 0
    with pytest.raises(ValueError, match="eps must be a finite number, at least 0"):
        adversarial_loss(model, images, labels, eps=-1.0, steps=3, generator=generator(7))
    assert model.training


BAD = [
    (lambda m, x, y: fgsm(m, x + 1, y, eps=0.1), r"images must be in \[0, 1\], not 1 to 1\.9"),
    (lambda m, x, y: fgsm(m, x, y, eps=-0.1), "eps must be a finite number, at least 0, not -0.1"),
    (lambda m, x, y: fgsm(m, x[0], y, eps=0.1), r"images must be a floating-point tensor of shape \(B, C, H, W\)"),
    (lambda m, x, y: fgsm(m, x, y[:1], eps=0.1), "labels has N = 1 but images has N = 2"),
    (lambda m, x, y: pgd(m, x, y, eps=0.1, norm="L1"), 'norm must be "Linf" or "L2", not \'L1\''),
    (lambda m, x, y: pgd(m, x, y, eps=0.1, steps=0), "steps must be a finite number above 0"),
    (lambda m, x, y: deepfool(m, x, overshoot=-1), "overshoot must be at least 0, not -1"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_gets_one_line(call, message):
    refused(lambda: call(linear(), torch.rand(2, 3, 2, 2, generator=generator(8)), torch.tensor([0, 1])), message)


@pytest.mark.parametrize("attack", [fgsm, pgd])
@pytest.mark.parametrize(
    ("label", "eps", "message"),
    [(3, 0.1, "labels must hold labels 0 to 2"), (0, float("nan"), "eps must be a finite number, at least 0, not nan")],
)
def test_labels_that_the_model_lacks_and_a_radius_that_is_no_number(attack, label, eps, message):
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    images = torch.rand(1, 3, 2, 2, generator=generator(0))
    with pytest.raises(ValueError, match=message) as error:
        attack(model, images, torch.tensor([label]), eps=eps)
    assert "\n" not in str(error.value)
