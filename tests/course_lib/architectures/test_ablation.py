"""The switches of the ablation network change what they name and nothing else."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.architectures import SwitchedBlock, SwitchedNet, parameter_count
from course_lib.core.seeding import generator


def test_plain_and_residual_have_equal_parameters_and_the_named_depth():
    for n in (1, 3):
        plain, residual = SwitchedNet(n, residual=False), SwitchedNet(n)
        assert parameter_count(plain) == parameter_count(residual)
        weighted = [m for m in residual.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        assert len(weighted) == 6 * n + 2


def test_resnet_20_has_the_papers_0_27_million():
    assert round(parameter_count(SwitchedNet(3)) / 1e6, 2) == 0.27


def test_block_by_hand():
    """With zero weights a residual block is relu(x), also where it halves the picture and doubles the maps."""
    for inputs, width in ((4, 4), (4, 8)):
        block = SwitchedBlock(inputs, width, residual=True, batch_norm=False, gate=False)
        for parameter in block.parameters():
            nn.init.zeros_(parameter)
        x = torch.randn(2, inputs, 6, 6, generator=generator(0))
        wanted = x.relu() if inputs == width else torch.cat([x[:, :, ::2, ::2].relu(), torch.zeros(2, 4, 3, 3)], dim=1)
        torch.testing.assert_close(block(x), wanted)
        block.residual = False
        assert not block(x).any()


@pytest.mark.parametrize("batch_norm", [True, False])
def test_norms_and_gates_are_there_only_if_asked_for(batch_norm: bool):
    kinds = {type(m).__name__ for m in SwitchedNet(1, batch_norm=batch_norm, gate=True).modules()}
    assert ("BatchNorm2d" in kinds) == batch_norm
    assert "SqueezeExcitation" in kinds
    assert "SqueezeExcitation" not in {type(m).__name__ for m in SwitchedNet(1).modules()}
    assert SwitchedNet(1, batch_norm=batch_norm)(torch.rand(2, 3, 16, 16, generator=generator(0))).shape == (2, 10)
