"""Adam and AdamW beside torch's, weight by weight after every step."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from course_lib.core.seeding import generator
from course_lib.core.training import batches
from course_lib.data import digits
from course_lib.linear import cross_entropy
from course_lib.optim import Adam, AdamW


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize(("mine", "peer"), [(Adam, torch.optim.Adam), (AdamW, torch.optim.AdamW)])
def test_equals_torch_at_each_of_fifty_steps(mine, peer, weight_decay, device, dtype, close):
    data = digits()
    X, labels = (data.features / 16).to(device, dtype), data.labels.to(device)
    torch.manual_seed(3)
    ours = nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 10)).to(device, dtype)
    theirs = copy.deepcopy(ours)
    begin = [p.clone() for p in ours.parameters()]
    pairs = [(model, kind(model.parameters(), lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=weight_decay))
             for model, kind in ((ours, mine), (theirs, peer))]  # fmt: skip
    for step, indices in enumerate(batches(len(X), 32, generator(0, device))[:50]):
        for model, optimiser in pairs:
            optimiser.zero_grad()
            cross_entropy(model(X[indices]), labels[indices]).backward()
            if step == 20:
                list(model.parameters())[-1].grad = None  # one parameter misses a step
            optimiser.step()
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            close(p, q, rtol=0, atol=1e-11)
    assert all((p - q).abs().max() > 1e-2 for p, q in zip(ours.parameters(), begin, strict=True))


def test_the_first_step_has_length_lr_whatever_the_scale_of_the_gradient():
    for scale in (1e-3, 1.0, 1e3):
        p = torch.ones(3, dtype=torch.float64, requires_grad=True)
        (scale * p.sum()).backward()
        Adam([p], lr=0.1).step()
        assert p.tolist() == pytest.approx([0.9] * 3, abs=1e-5)


def test_bad_input():
    p = torch.ones(2, requires_grad=True)
    for call in (lambda: Adam([p], betas=(0.9, 1.0)), lambda: AdamW([p], weight_decay=-1.0)):
        with pytest.raises(ValueError, match=r"AdamW? needs betas in \[0, 1\) and weight_decay >= 0"):
            call()
    with pytest.raises(ValueError, match="Adam needs at least one parameter"):
        Adam([])
    with pytest.raises(ValueError, match="lr must be a finite number above 0, not 0"):
        Adam([p], lr=0)
