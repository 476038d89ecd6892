"""Our ResNet-18 and ConvNeXt against torchvision's with the same weights: forward and backward, wanted at most 1.05.

The parts are the same torch layers, so the ratio says whether the code around them costs anything. Both sides take
turns and are checked to give the same scores and the same gradient of the images first.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torchvision.models as torchvision_models
from torch import Tensor, nn

from benchmarks.common import compare
from course_lib.convnets import convnext_tiny, resnet18
from course_lib.seeding import generator

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
    """Print the comparisons at 128 x 128 pixels: without gradients, and a training step."""
    for name, (build, peer, count) in PAIRS.items():
        ours, theirs = build(), peer()
        ours.load_state_dict(theirs.state_dict(), strict=True)
        images = torch.rand(count, 3, 128, 128, generator=generator(0))
        ours.eval(), theirs.eval()  # without stochastic depth, which draws, both do the same work
        steps = [forward_backward(model, images) for model in (ours, theirs)]
        torch.testing.assert_close(steps[0](), steps[1](), rtol=1e-3, atol=1e-7)
        with torch.no_grad():
            compare(
                f"{name}, forward, {count} images of 128 x 128",
                {name: lambda m=ours, x=images: m(x)},
                {"torchvision": lambda m=theirs, x=images: m(x)},
                rounds=15,
            )
        compare(
            f"{name}, forward and backward, {count} images of 128 x 128",
            {name: steps[0]},
            {"torchvision": steps[1]},
            rounds=15,
        )


if __name__ == "__main__":
    from benchmarks.common import settle

    settle()
    run()
