"""Record chapter 6's latencies: `python -m benchmarks.chapter_06_costs` writes chapters/cards/06_costs.json.

One picture of 224 x 224 pixels through each network of the chapter's table, in evaluation mode, on one thread; and one
3 x 3 layer of 128 maps at 28 x 28 places, whole and taken apart into depthwise and pointwise, with norms and ReLUs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits
from torch import nn

from benchmarks.common import machine, medians
from course_lib.core.seeding import generator, pin
from course_lib.networks import backbones

CARD = Path(__file__).resolve().parent.parent / "chapters" / "cards" / "06_costs.json"
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "AlexNet": backbones.AlexNet,
    "VGG-16": backbones.vgg16,
    "GoogLeNet": backbones.GoogLeNet,
    "ResNet-18": backbones.resnet18,
    "ResNet-50": backbones.resnet50,
    "ResNet-152": backbones.resnet152,
    "DenseNet-121": backbones.densenet121,
    "SE-ResNet-50": backbones.se_resnet50,
    "MobileNetV2": backbones.MobileNetV2,
    "ConvNeXt-T": backbones.convnext_tiny,
}


def whole(width: int) -> nn.Module:
    """A full 3 x 3 convolution with norm and ReLU."""
    return nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())


def time_of(models: dict[str, nn.Module], picture: torch.Tensor, rounds: int) -> dict[str, float]:
    """Median milliseconds of one picture through each model, the models taking turns."""

    def call(name: str) -> Callable[[], object]:
        return lambda: models[name](picture)

    with torch.inference_mode():
        found = medians({name: call(name) for name in models}, rounds=rounds)
    return {name: round(1e3 * seconds, 3) for name, seconds in found.items()}


def main() -> None:
    """Measure everything and write the card."""
    pin(0, 1)
    with threadpool_limits(1):
        models = {name: build().eval() for name, build in NETWORKS.items()}
        latency = time_of(models, torch.rand(1, 3, 224, 224, generator=generator(0)), rounds=15)
        layers = {"whole": whole(128).eval(), "taken apart": backbones.depthwise_separable(128, 128).eval()}
        card = {
            "command": "python -m benchmarks.chapter_06_costs",
            "machine": machine(),
            "torch": torch.__version__,
            "latency_ms": latency,
            "layer_ms": time_of(layers, torch.rand(1, 128, 28, 28, generator=generator(0)), rounds=31),
        }
    CARD.write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
