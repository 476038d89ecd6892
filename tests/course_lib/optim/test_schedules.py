"""Schedules, averaged weights and clipped gradients, each beside torch's own."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from course_lib.core.seeding import generator
from course_lib.optim import EMA, clip_gradient_norm, step_decay, warmup_cosine


def torch_rates(make, steps: int) -> list[float]:
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimiser)
    rates = []
    for _ in range(steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return rates


def test_the_schedules_equal_torchs():
    cosine = torch_rates(lambda o: lr_scheduler.CosineAnnealingLR(o, 50), 50)
    assert [warmup_cosine(s, 50) for s in range(50)] == pytest.approx(cosine)
    rising = lambda o: lr_scheduler.SequentialLR(  # noqa: E731
        o, [lr_scheduler.LinearLR(o, 1 / 10, 1, 9), lr_scheduler.CosineAnnealingLR(o, 40)], [10])  # fmt: skip
    assert [warmup_cosine(s, 50, 10) for s in range(50)] == pytest.approx(torch_rates(rising, 50))
    falling = torch_rates(lambda o: lr_scheduler.MultiStepLR(o, [20, 35], 0.3), 50)
    assert [step_decay(s, [20, 35], 0.3) for s in range(50)] == pytest.approx(falling)


def test_the_average_equals_torchs_and_leaves_the_model_alone(device):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).to(device)
    ours = EMA(model, 0.9)
    theirs = AveragedModel(copy.deepcopy(model), multi_avg_fn=get_ema_multi_avg_fn(0.9))
    theirs.update_parameters(model)  # torch copies at its first call
    for step in range(6):
        with torch.no_grad():
            for p in model.parameters():
                p.add_(torch.randn(p.shape, generator=generator(step)).to(device))
        model(torch.randn(5, 4, generator=generator(9)).to(device))
        before = copy.deepcopy(model.state_dict())
        ours.update(model)
        theirs.update_parameters(model)
        assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    for p, q in zip(ours.model.parameters(), theirs.module.parameters(), strict=True):
        torch.testing.assert_close(p, q)
    assert torch.equal(ours.model[1].running_mean, model[1].running_mean)
    assert not ours.model.training
    assert not any(p.requires_grad for p in ours.model.parameters())


@pytest.mark.parametrize("limit", [0.5, 1e6])
def test_clipping_equals_torchs(limit, device):
    torch.manual_seed(0)
    ours = nn.Linear(5, 4).to(device)
    theirs = copy.deepcopy(ours)
    for model in (ours, theirs):
        model(torch.ones(3, 5, device=device)).square().sum().backward()
    norm = clip_gradient_norm([*ours.parameters(), torch.zeros(2, requires_grad=True)], limit)
    wanted = nn.utils.clip_grad_norm_(theirs.parameters(), limit)
    torch.testing.assert_close(norm, wanted)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad)


def test_bad_input():
    p = torch.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="no parameter has a gradient"):
        clip_gradient_norm([p], 1.0)
    with pytest.raises(ValueError, match="limit must be a finite number above 0, not 0"):
        clip_gradient_norm([p], 0)
    with pytest.raises(ValueError, match="decay must be at least 0 and below 1, not 1"):
        EMA(nn.Linear(1, 1), 1.0)
    for step, warmup in ((10, 0), (-1, 0), (0, 10)):
        with pytest.raises(ValueError, match="step and warmup must be 0 to steps - 1 = 9"):
            warmup_cosine(step, 10, warmup)
    with pytest.raises(ValueError, match="step must be at least 0, not -1"):
        step_decay(-1, [3])
