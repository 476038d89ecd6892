"""C3D as published: its parameters, sizes and costs, counted on a network that holds no numbers."""

from __future__ import annotations

import pytest
import torch

from course_lib.architectures.count import layer_costs, parameter_count
from course_lib.video.c3d import C3D


def test_parameters_and_sizes_are_the_published_ones():
    with torch.device("meta"):
        network = C3D(487)
        costs = layer_costs(network.eval(), torch.empty(1, 16, 3, 112, 112))
    conv = [64, 128, 256, 256, 512, 512, 512, 512]
    by_hand = sum((27 * a + 1) * b for a, b in zip([3, *conv], conv, strict=False))
    assert parameter_count(network) == by_hand + 8193 * 4096 + 4097 * 4096 + 4097 * 487
    assert [cost.output[1:] for cost in costs[:8]] == [
        (64, 16, 112, 112), (128, 16, 56, 56), (256, 8, 28, 28), (256, 8, 28, 28), (512, 4, 14, 14), (512, 4, 14, 14),
        (512, 2, 7, 7), (512, 2, 7, 7)]  # fmt: skip
    assert [cost.macs for cost in costs[:2]] == [16 * 112**2 * 64 * 81, 16 * 56**2 * 128 * 64 * 27]
    assert 38.4e9 < sum(cost.macs for cost in costs) < 38.7e9  # 38.5 billion, as the literature says


def test_another_clip_is_refused():
    with pytest.raises(ValueError, match=r"\(B, 16, 3, 112, 112\), not \(1, 8, 3, 112, 112\)"), torch.device("meta"):
        C3D(2)(torch.empty(1, 8, 3, 112, 112))
