"""Recording and the changed ReLU leave a network as they found it, also after an error; gradients are autograd's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.core.seeding import generator
from course_lib.interpretability import (
    DeconvReLU,
    GuidedReLU,
    class_scores,
    find_layer,
    recorded,
    relu_rule,
    saliency,
    score_gradient,
)

from ..refusals import refused


def small(classes: int = 4) -> nn.Module:
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.BatchNorm2d(5), nn.ReLU()),
        nn.MaxPool2d(2),
        nn.Conv2d(5, 6, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(6 * 16, classes),
    ).eval()  # fmt: skip


def pictures(count: int = 3) -> torch.Tensor:
    return torch.rand(count, 3, 8, 8, generator=generator(1))


def hooks(model):
    return sum(len(module._forward_hooks) for module in model.modules())


def test_recorded_maps_are_what_the_layer_returns_and_part_of_the_graph():
    model, images = small(), pictures()
    with recorded(model, "0.0", "2") as maps:
        logits = model(images)
        assert hooks(model) == 2
    torch.testing.assert_close(maps["0.0"], model[0][0](images), rtol=0, atol=0)
    torch.testing.assert_close(maps["2"], model[:3](images), rtol=0, atol=0)
    assert torch.autograd.grad(logits.sum(), maps["2"])[0].shape == (3, 6, 4, 4)
    assert hooks(model) == 0


def test_hooks_are_gone_after_an_error():
    model = small()
    with pytest.raises(RuntimeError), recorded(model, "0", "2"):
        model(torch.zeros(1, 1, 8, 8))
    assert hooks(model) == 0
    message = r"there is no layer '0\.7': Sequential has 0, 1, 2, not '7'"
    with pytest.raises(ValueError, match=message), recorded(model, "2", "0.7"):
        pass
    assert hooks(model) == 0


def test_a_layer_is_found_by_its_path():
    model = small()
    assert find_layer(model, "0.1") is model[0][1]
    assert find_layer(model, "5") is model[5]


@pytest.mark.parametrize("rule", [DeconvReLU, GuidedReLU])
def test_the_rule_changes_gradients_inside_the_block_only(rule):
    model, images = small(), pictures()
    before = score_gradient(model, images, None)
    state = [dict(module.__dict__) for module in model.modules()]
    with relu_rule(model, rule):
        torch.testing.assert_close(model(images), small_forward(model, images), rtol=0, atol=0)
        assert not torch.allclose(score_gradient(model, images, None), before)
    torch.testing.assert_close(score_gradient(model, images, None), before, rtol=0, atol=0)
    assert [dict(module.__dict__) for module in model.modules()] == state


def small_forward(model, images):
    x = model[0][1](model[0][0](images)).clamp(min=0)
    return model[5](model[4](model[2](model[1](x)).clamp(min=0)))


def test_the_rule_is_gone_after_an_error_and_rules_nest():
    model, images = small(), pictures()
    before = score_gradient(model, images, None)
    with relu_rule(model, DeconvReLU):
        outer = score_gradient(model, images, None)
        with relu_rule(model, GuidedReLU):
            assert not torch.allclose(score_gradient(model, images, None), outer)
        torch.testing.assert_close(score_gradient(model, images, None), outer, rtol=0, atol=0)
    with pytest.raises(RuntimeError), relu_rule(model, GuidedReLU):
        model(torch.zeros(1, 1, 8, 8))
    torch.testing.assert_close(score_gradient(model, images, None), before, rtol=0, atol=0)
    with pytest.raises(ValueError, match=r"Linear has no nn\.ReLU module"), relu_rule(nn.Linear(2, 2), GuidedReLU):
        pass


def test_scores_are_the_logits_of_the_classes():
    model, images = small(), pictures()
    logits = model(images)
    scores, classes = class_scores(model, images, None)
    torch.testing.assert_close(scores, logits.max(dim=1).values, rtol=0, atol=0)
    assert classes.tolist() == logits.argmax(dim=1).tolist()
    scores, _ = class_scores(model, images, torch.tensor([2, 0, 3]))
    torch.testing.assert_close(scores, logits[range(3), [2, 0, 3]], rtol=0, atol=0)


def test_saliency_is_the_largest_absolute_gradient_of_each_image_alone():
    model, images, classes = small(), pictures(), torch.tensor([2, 0, 3])
    maps = saliency(model, images, classes)
    for i, c in enumerate(classes.tolist()):
        one = images[i : i + 1].clone().requires_grad_()
        model(one)[0, c].backward()
        torch.testing.assert_close(maps[i], one.grad[0].abs().max(dim=0).values)
    assert not images.requires_grad
    with torch.no_grad():
        torch.testing.assert_close(saliency(model, images, classes), maps, rtol=0, atol=0)


def test_saliency_of_a_linear_model_is_its_weight(device):
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 5, 2)).to(device)
    maps = saliency(model, torch.rand(2, 3, 4, 5, device=device), torch.tensor([0, 1], device=device))
    assert maps.device.type == device.type
    torch.testing.assert_close(maps, model[1].weight.detach().view(2, 3, 4, 5).abs().amax(dim=1))


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (torch.tensor([0, 1, 4]), "targets must hold labels 0 to 3, but its values run from 0 to 4"),
        (torch.tensor([0, -1, 2]), "targets must hold labels 0 to 3, but its values run from -1 to 2"),
        (torch.tensor([0, 1]), "targets has N = 2 but images has N = 3"),
        (torch.tensor([0.0, 1.0, 2.0]), "targets must be an int64 tensor"),
    ],
)
def test_bad_classes(classes, message):
    refused(lambda: saliency(small(), pictures(), classes), message)


def test_bad_images_and_models():
    with pytest.raises(ValueError, match=r"images must be a floating-point tensor of shape \(B, C, H, W\)"):
        saliency(small(), pictures()[0])
    with pytest.raises(ValueError, match=r"must give logits of shape \(B, K\) with B = 3, not \(3, 5, 8, 8\)"):
        saliency(small()[:1], pictures())
