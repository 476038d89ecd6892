"""Per-channel, joint and 3-D filtering equal torch's, and joint filtering is a 3-D filter that fits in one place."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.ops.filters import conv2d_im2col, conv3d, conv_per_channel


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def test_per_channel_equals_torchs_groups(device, dtype, close):
    image, kernels = draw(2, 3, 8, 9).to(device, dtype), draw(3, 3, 2, seed=1).to(device, dtype)
    close(conv_per_channel(image, kernels), F.conv2d(image, kernels[:, None], groups=3), atol=1e-10)


def test_conv3d_equals_torch(device, dtype, close):
    clip, weight = draw(2, 2, 6, 7, 8).to(device, dtype), draw(3, 2, 3, 2, 3, seed=1).to(device, dtype)
    close(conv3d(clip, weight), F.conv3d(clip, weight), atol=1e-10)


def test_joint_filtering_is_a_3d_filter_as_deep_as_there_are_channels(close):
    image, weight = draw(2, 3, 8, 9), draw(4, 3, 3, 3, seed=1)
    as_volume = conv3d(image[:, None], weight[:, None])  # (B, 1, C, H, W) with (K, 1, C, h, w)
    assert as_volume.shape[2] == 1
    close(conv2d_im2col(image, weight), as_volume[:, :, 0])


def test_a_diagonal_joint_filter_is_per_channel(close):
    image, kernels = draw(1, 3, 6, 6), draw(3, 3, 3, seed=1)
    close(conv2d_im2col(image, torch.diag_embed(kernels.permute(1, 2, 0)).permute(2, 3, 0, 1)),
          conv_per_channel(image, kernels))  # fmt: skip


def test_gradients_flow():
    clip, weight = draw(1, 2, 3, 4, 4).requires_grad_(), draw(1, 2, 2, 3, 2, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(conv3d, (clip, weight))
    assert torch.autograd.gradcheck(conv_per_channel, (clip[:, :, 0], weight[0, :, 0]))
