"""Detectors that look at proposals, with few labelled pictures; writes chapters/cards/10_proposals.json.

    python -m recipes.detection_proposals

R-CNN (support vector machines on features of crops), Fast R-CNN with RoI pooling and with RoIAlign, and Faster R-CNN,
which proposes by itself. All start from the encoder of `recipes.segmentation_encoder` and learn from the same PICTURES
scenes; the first three also from the same proposals, those of selective search with two scales. R-CNN leaves the
encoder as it is, the others tune it. The rate of each is the best on validation scenes with a third of the steps, on a
grid that grows until the best one is not at its edge; R-CNN's penalty of the machines likewise. Then three seeds. AP is
measured on test scenes; `benchmarks.chapter_10_costs` measures the times.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from course_lib.core.seeding import generator
from course_lib.core.training import fit
from course_lib.data.scenes import CLASSES
from course_lib.data.scenes.datasets import block_generator, scene_block
from course_lib.detection.detector import Detector, detect_all, padded_targets
from course_lib.detection.fast_rcnn import FastRCNN
from course_lib.detection.faster_rcnn import FasterRCNN
from course_lib.detection.rcnn import RCNN
from course_lib.detection.selective_search import selective_search
from course_lib.optim import AdamW, warmup_cosine
from recipes.common import CARDS, Run, environment, start
from recipes.comparison import Known, spread
from recipes.detection import (
    BATCH,
    DECAY,
    FIELDS,
    LEVEL,
    OBJECTS,
    SCORES,
    SIZE,
    K,
    fixed,
    pretrained_encoder,
    scores_of,
)

PICTURES, EPOCHS, SEEDS, TESTED, WARMUP = 1024, 6, 3, 256, 32
SCALES, SMALLEST = (50.0, 100.0), 12
RATES, PENALTIES = (1e-3, 2e-3, 4e-3), (2e-6, 1e-5, 5e-5)  # the features are large, so that C is small
TUNED = ("Fast R-CNN, RoI pooling", "Fast R-CNN, RoIAlign", "Faster R-CNN")


def proposed(images: Tensor) -> list[Tensor]:
    """Boxes of selective search at both scales, each once, for each of (B, 3, H, W) pictures."""
    parts = [[selective_search(image, scale=scale, smallest=SMALLEST) for scale in SCALES] for image in images]
    return [torch.tensor(list(dict.fromkeys(map(tuple, torch.cat(part).tolist())))) for part in parts]


class Stored:
    """Proposals that were computed once, found again by the picture's own pixels.

    Args:
        images: (N, 3, H, W).
        proposals: For each (M, 4).
    """

    def __init__(self, images: Tensor, proposals: Sequence[Tensor]):
        self.known = {self.key(image): some for image, some in zip(images, proposals, strict=True)}

    @staticmethod
    def key(image: Tensor) -> bytes:
        """A picture's name."""
        return image[:, ::9, ::9].contiguous().cpu().numpy().tobytes()

    def __call__(self, images: Tensor) -> list[Tensor]:
        """Proposals of (B, 3, H, W) images; raises KeyError for a picture that is not stored."""
        return [self.known[self.key(image)].to(images.device) for image in images]


class Study:
    """Pictures, targets and proposals of all splits, and what is done with them.

    Args:
        run: Flags and device.
    """

    def __init__(self, run: Run):
        self.run = run
        stream = block_generator(0, "train", block=0)
        images, classes, boxes = scene_block(
            run.args.pictures, FIELDS, SIZE, split="train", difficulty=LEVEL, objects=OBJECTS, generator=stream
        )
        self.images, self.targets = images, padded_targets(boxes, classes)
        self.judged = {split: fixed(split, run.args.tested) for split in ("val", "test")}
        self.proposals = {split: self.once(split, some[0]) for split, some in self.judged.items()}
        self.proposals["train"] = self.once("train", images)
        stored = [(images, self.proposals["train"]), *((self.judged[s][0], self.proposals[s]) for s in self.judged)]
        self.lookup = Stored(torch.cat([part[0] for part in stored]), [p for part in stored for p in part[1]])

    def once(self, split: str, images: Tensor) -> list[Tensor]:
        """Proposals of a split; they take minutes, so they wait beside the state for the next start."""
        assert self.run.state is not None
        path = self.run.state.with_name(f"{self.run.state.name}.{split}.{len(images)}.npz")
        if not path.exists():
            found = proposed(images)
            np.savez_compressed(path, boxes=torch.cat(found), counts=[len(some) for some in found])
        kept = np.load(path)
        return list(torch.from_numpy(kept["boxes"]).split(kept["counts"].tolist()))

    def tuned(self, name: str, rate: float, *, epochs: int, seed: int) -> Detector:
        """One of TUNED, trained."""
        torch.manual_seed(seed)
        model: Detector
        device = self.run.device
        if name == "Faster R-CNN":
            model = FasterRCNN(pretrained_encoder(), K).to(device)
        else:
            model = FastRCNN(pretrained_encoder(), K, self.lookup, align=name.endswith("Align")).to(device)

        def loss(chosen: Tensor, stream: torch.Generator) -> Tensor:
            chosen = chosen.cpu()
            targets = [{key: value.to(device) for key, value in self.targets[k].items()} for k in chosen.tolist()]
            return torch.stack(list(model.losses(self.images[chosen].to(device), targets, stream).values())).sum()

        fit(model, loss, AdamW(model.parameters(), rate, weight_decay=DECAY), samples=len(self.images), epochs=epochs,
            batch=BATCH, generator=generator(seed, device), clip=1.0,
            schedule=lambda step, all_steps: warmup_cosine(step, all_steps, min(WARMUP, all_steps - 1)),
            **self.run.keep(f".{name.replace(' ', '_')}.{rate}.{epochs}.{seed}"))  # fmt: skip
        return model

    def machines(self, penalty: float, seed: int) -> RCNN:
        """R-CNN with this penalty."""
        model = RCNN(pretrained_encoder(), K, C=penalty)
        return model.fit(self.images, self.targets, self.proposals["train"], generator=generator(seed))

    def judge(self, model: Detector | RCNN, split: str) -> dict[str, float]:
        """AP, AP50 and AP75."""
        images, targets = self.judged[split]
        if isinstance(model, RCNN):
            found = model.detect(images, self.proposals[split])
        else:
            found = detect_all(model, images)
        return scores_of(found, targets)

    def row(self, name: str, known: Known) -> dict:
        """What the card says of one method."""
        epochs, short = self.run.epochs, max(1, self.run.epochs // 3)

        def build(value: float, seed: int, length: int) -> Detector | RCNN:
            tuned = name in TUNED
            return self.tuned(name, value, epochs=length, seed=seed) if tuned else self.machines(value, seed)

        def trained(value: float, seed: int) -> dict:
            found = self.judge(build(value, seed, epochs), "test")
            print(name, value, seed, found, flush=True)
            return found

        row = known.row(name, RATES if name in TUNED else PENALTIES, seeds=self.run.args.seeds, trained=trained,
                        tried=lambda value: self.judge(build(value, 100, short), "val")["AP"])  # fmt: skip
        return {score: spread([seed[score] for seed in row["seeds"]]) for score in SCORES} | row


def add(parser: argparse.ArgumentParser) -> None:
    """The recipe's own flags."""
    parser.add_argument("--pictures", type=int, default=PICTURES, help="scenes to learn from")
    parser.add_argument("--tested", type=int, default=TESTED, help="scenes of each split to judge on")
    parser.add_argument("--seeds", type=int, default=SEEDS)


def main() -> None:
    """Propose, train, judge, write the card."""
    run = start(__doc__, "detection_proposals", EPOCHS, add, threads=1)
    assert run.state is not None
    settings = {name: getattr(run.args, name) for name in ("pictures", "tested", "epochs")}
    known, study = Known(run.state.with_suffix(".json"), settings), Study(run)
    card = {
        "data": f"the course's scenes, {SIZE} px, difficulty {LEVEL}, {OBJECTS[0]} to {OBJECTS[1]} objects: "
        f"{run.args.pictures} to train, the same for all; {run.args.tested} to choose on and {run.args.tested} to test",
        "command": run.command,
        **settings,
        "classes": CLASSES,
        **environment(run.device),
        "proposals_a_picture": round(sum(map(len, study.proposals["test"])) / run.args.tested, 1),
        "rows": {name: study.row(name, known) for name in ("R-CNN", *TUNED)},
    }
    (CARDS / "10_proposals.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
