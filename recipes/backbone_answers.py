"""What the course backbone says to CIFAR-10's test images, for chapter 6; writes chapters/cards/06_answers.json

    python -m recipes.backbone_answers --data ~/data
    python -m recipes.backbone_answers --train-npz train.npz --test-npz test.npz

Nothing is trained. Which class is called what, and how sure the network is when it is right; then its accuracy on the
same 10,000 images after changes that leave their classes alone. Noise is drawn from a fixed generator.
"""

from __future__ import annotations

import argparse
import json

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor

from course_lib.core.seeding import generator, pin
from course_lib.core.weights import load_checkpoint
from course_lib.metrics import confusion_matrix
from course_lib.networks.backbones import Backbone
from recipes.cifar import add_source, predict, read_npz
from recipes.common import CARDS, environment

CARD, BINS = CARDS / "06_answers.json", 10


def changes(images: Tensor) -> dict[str, Tensor]:
    """The images (N, 3, H, W) uint8 as they are, and changed in ways that leave their classes alone."""
    grey = images.float().mean(1, keepdim=True).expand(-1, 3, -1, -1)
    noise = 12.75 * torch.randn(images.shape, generator=generator(0))
    small = F.interpolate(F.avg_pool2d(images.float(), 2), scale_factor=2, mode="bilinear")
    return {
        "as they are": images,
        "mirrored": images.flip(3),
        "without colour": grey.round().byte(),
        "half as bright": images // 2,
        "with noise, sigma 0.05": (images.float() + noise).round().clamp(0, 255).byte(),
        "from 16 x 16 pixels": small.round().clamp(0, 255).byte(),
        "turned by 90 degrees": images.rot90(1, (2, 3)),
    }


def reliability(logits: Tensor, labels: Tensor, bins: int = BINS) -> dict[str, list]:
    """How often the answer is right, by how sure the network is of it.

    Args:
        logits: (N, K).
        labels: (N,) int64.
        bins: Equal parts of the probabilities from 0 to 1.

    Returns:
        For each part that holds an answer: its mean probability, the share of right answers, and their number.
    """
    sure, said = logits.softmax(1).max(1)
    part = (sure * bins).long().clamp(max=bins - 1)
    used = [k for k in range(bins) if (part == k).any()]
    return {
        "sure": [round(float(sure[part == k].double().mean()), 4) for k in used],
        "right": [round(float((said == labels)[part == k].double().mean()), 4) for k in used],
        "answers": [int((part == k).sum()) for k in used],
    }


def main() -> None:
    """Ask the network and write the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_source(parser)
    args = parser.parse_args()
    pin(0)
    if args.test_npz:
        images, labels = read_npz(args.test_npz)
    else:
        part = torchvision.datasets.CIFAR10(args.data, train=False, download=True)
        images, labels = torch.from_numpy(part.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(part.targets)
    model = load_checkpoint("backbone", Backbone()).to(memory_format=torch.channels_last)
    answers = {name: predict(model, changed, 250) for name, changed in changes(images).items()}
    plain = answers["as they are"]
    card = {
        "command": "python -m recipes.backbone_answers",
        "data": f"{len(images):,} test images of CIFAR-10",
        **environment(torch.device("cpu")),
        "confusion": confusion_matrix(plain.argmax(1), labels, 10).tolist(),
        "reliability": reliability(plain, labels),
        "changed": {
            name: round(float((logits.argmax(1) == labels).double().mean()), 4) for name, logits in answers.items()
        },
    }
    CARD.write_text(json.dumps(card, indent=1) + "\n")
    print(card["changed"])


if __name__ == "__main__":
    main()
