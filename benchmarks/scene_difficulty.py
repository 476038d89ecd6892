"""How hard the course's scenes are: what simple and better methods reach, and that shortcuts lead nowhere.

    python -m benchmarks.scene_difficulty

trains a linear classifier and a small CNN on ten classes at the default difficulty, asks what colour or texture alone
are worth when training ties them to the class, and what one frame of an action is worth against the clip. It takes a
few minutes on two cores and writes the numbers to chapters/cards/scenes_difficulty.json, which the appendix shows.
"""

from __future__ import annotations

import json
import platform
import time
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from sklearn.linear_model import RidgeClassifier
from torch import Tensor, nn

from course_lib.core.seeding import pin
from course_lib.data.scenes import ACTIONS, CLASSES, Difficulty, render, sample_actions, sample_scenes, scene_dataset
from course_lib.data.scenes.datasets import block_generator

CARD = Path(__file__).resolve().parent.parent / "chapters" / "cards" / "scenes_difficulty.json"
TRAIN, TEST = 4096, 2048


def small_cnn(channels: int, classes: int) -> nn.Sequential:
    """Four convolutions with batch normalisation and pooling, 0.17 million parameters."""
    widths, layers = (channels, 24, 48, 96, 128), []
    for a, b in pairwise(widths):
        layers += [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(128, classes))


def train_cnn(images: Tensor, labels: Tensor, classes: int, epochs: int, flips: bool = True) -> nn.Module:
    """AdamW with one cycle of the learning rate; mirrored images where a mirror image keeps its class."""
    model = small_cnn(images.shape[1], classes).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), 6e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, epochs * (len(images) // 64))
    for _ in range(epochs):
        for rows in torch.randperm(len(images))[: len(images) // 64 * 64].split(64):
            x = images[rows].flip(3) if flips and torch.rand(()) < 0.5 else images[rows]
            loss = F.cross_entropy(model(x.contiguous(memory_format=torch.channels_last) - 0.5), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


@torch.no_grad()
def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    found = torch.cat([model(x - 0.5).argmax(1) for x in images.split(256)])
    return (found == labels).float().mean().item()


def table_accuracy(cue: Tensor, labels: Tensor, test_cue: Tensor, test_labels: Tensor) -> float:
    """The best classifier that sees one discrete cue: for each value, the class most frequent with it in training."""
    counts = torch.zeros(int(cue.max()) + 1, len(CLASSES))
    counts.index_put_((cue, labels), torch.ones(len(cue)), accumulate=True)
    return (counts.argmax(1)[test_cue] == test_labels).float().mean().item()


def default_difficulty() -> dict[str, float]:
    images, labels = scene_dataset(TRAIN, split="train").tensors
    test_images, test_labels = scene_dataset(TEST, split="test").tensors
    new_images, new_labels = scene_dataset(TEST, split="heldout").tensors
    val_images, val_labels = scene_dataset(TEST, split="val").tensors
    fits = [RidgeClassifier(alpha).fit(images.flatten(1).numpy(), labels.numpy()) for alpha in (1e3, 1e4, 1e5)]
    linear = max(fits, key=lambda fit: fit.score(val_images.flatten(1).numpy(), val_labels.numpy()))
    cnn = train_cnn(images, labels, len(CLASSES), epochs=7)
    return {
        "linear": linear.score(test_images.flatten(1).numpy(), test_labels.numpy()),
        "cnn": accuracy(cnn, test_images, test_labels),
        "cnn_heldout": accuracy(cnn, new_images, new_labels),
    }


def confounds() -> dict[str, float]:
    """Training ties colour and texture to the class in nine scenes of ten; the confounded split unties them."""
    level = Difficulty(confound=0.9)
    cues = {}
    for split, count in (("train", 8192), ("val", 4096), ("confounded", 4096)):
        scene = sample_scenes(count, 16, generator=block_generator(0, split), objects=1, difficulty=level, split=split)
        cues[split] = (scene.class_id[:, 0], scene.colour_id[:, 0], scene.texture_id[:, 0])
    out = {}
    for k, name in ((1, "colour"), (2, "texture")):
        for split in ("val", "confounded"):
            train, test = cues["train"], cues[split]
            out[f"{name}_{split}"] = table_accuracy(train[k], train[0], test[k], test[0])
    cnn = train_cnn(*scene_dataset(TRAIN, split="train", difficulty=level).tensors, len(CLASSES), epochs=5)
    for split in ("val", "confounded"):
        out[f"cnn_{split}"] = accuracy(cnn, *scene_dataset(TEST, split=split, difficulty=level).tensors)
    return out


def action_clips(count: int, seed: int, size: int = 40) -> tuple[Tensor, Tensor]:
    """Clips (count, 8, 3, size, size) in half precision, and their classes."""
    clips, labels = [], []
    for block in range(count // 128):
        scene = sample_actions(128, 8, size, generator=block_generator(seed, "train", 0, block=block))
        clips.append(scene.clip(render(scene).image).half())
        labels.append(scene.action)
    return torch.cat(clips), torch.cat(labels)


def actions() -> dict[str, float]:
    (train, labels), (test, test_labels) = action_clips(4096, 1), action_clips(2048, 2)
    rows, pick = torch.arange(len(train)), torch.randint(8, (len(train),))
    frame = train_cnn(train[rows, pick].float(), labels, len(ACTIONS), epochs=6, flips=False)
    single = test[torch.arange(len(test)), torch.randint(8, (len(test),))].float()
    # The clip as one image with 24 channels: brightness now, and the changes from frame to frame.
    stack = lambda clip: torch.cat([clip[:, :1], clip.diff(dim=1) + 0.5], 1).flatten(1, 2)  # noqa: E731
    whole = train_cnn(stack(train).float(), labels, len(ACTIONS), epochs=8, flips=False)
    return {"frame": accuracy(frame, single, test_labels), "clip": accuracy(whole, stack(test).float(), test_labels)}


def main() -> None:
    pin(0)
    start, numbers = time.time(), {}
    for name, measure in (("default", default_difficulty), ("confound", confounds), ("actions", actions)):
        began = time.time()
        numbers[name] = {key: round(value, 4) for key, value in measure().items()}
        print(f"{name} ({time.time() - began:.0f} s): {numbers[name]}", flush=True)
    card = {
        "command": "python -m benchmarks.scene_difficulty",
        "seed": 0,
        "train_images": TRAIN,
        "test_images": TEST,
        "seconds": round(time.time() - start),
        "device": f"cpu, {torch.get_num_threads()} threads",
        "versions": {"python": platform.python_version(), "torch": torch.__version__.split("+")[0]},
        **numbers,
    }
    CARD.write_text(json.dumps(card, indent=2) + "\n")


if __name__ == "__main__":
    main()
