"""Our ResNet-18 and ConvNeXt against torchvision's with the same weights: forward and backward, wanted at most 1.05.

The parts are the same torch layers, so the ratio says whether the code around them costs anything. Both sides take
turns and are checked to give the same scores and the same gradient of the images first. On a GPU the batches are 16
times as large, because a few images would time Python alone.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torchvision.models as torchvision_models
from torch import Tensor, nn

from benchmarks.common import compare
from course_lib.core.device import available_devices
from course_lib.core.seeding import generator
from course_lib.networks.backbones import convnext_tiny, resnet18

PAIRS = {
    "ResNet-18": (resnet18, torchvision_models.resnet18, 8),
    "ConvNeXt-T": (convnext_tiny, torchvision_models.convnext_tiny, 4),
}


def forward_backward(model: nn.Module, images: Tensor) -> Callable[[], Tensor]:
    """Scores and the gradients of all weights and of the images, as in a training step."""

    def step() -> Tensor:
        model.zero_grad(set_to_none=True)
        pixels = images.clone().requires_grad_()
        model(pixels).square().mean().backward()
        return pixels.grad

    return step


def run() -> None:
    """Print the comparisons at 128 x 128 pixels on each device: without gradients, and a training step."""
    for device in available_devices():
        for name, (build, peer, few) in PAIRS.items():
            count = few if device == "cpu" else 16 * few
            ours, theirs = build(), peer()
            ours.load_state_dict(theirs.state_dict(), strict=True)
            images = torch.rand(count, 3, 128, 128, generator=generator(0)).to(device)
            # without stochastic depth, which draws, both do the same work
            ours, theirs = ours.to(device).eval(), theirs.to(device).eval()
            steps = [forward_backward(model, images) for model in (ours, theirs)]
            torch.testing.assert_close(steps[0](), steps[1](), rtol=1e-3, atol=1e-7)
            what = f"{count} images of 128 x 128, {device}"
            with torch.no_grad():
                compare(
                    f"{name}, forward, {what}",
                    {name: lambda m=ours, x=images: m(x)},
                    {"torchvision": lambda m=theirs, x=images: m(x)},
                )
            compare(f"{name}, forward and backward, {what}", {name: steps[0]}, {"torchvision": steps[1]})


if __name__ == "__main__":
    from benchmarks.common import settle

    settle()
    run()
