"""Record the costs that chapter 13 prints: `python -m benchmarks.chapter_13_costs` writes chapters/cards/13_costs.json.

Frames a second of each tracker on one clip with a target of about 28 pixels, all trackers taking turns, one thread.
Processor time, which other programs on the machine change less than the time on the wall.
"""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path

import torch

from benchmarks.common import machine, medians, settle
from course_lib.core.seeding import generator
from course_lib.core.weights import load_checkpoint
from course_lib.networks.backbones.scene_encoder import SceneNamer
from course_lib.tracking.benchmark import difficulty_clips
from course_lib.tracking.contest import contestants
from course_lib.tracking.tracker import follow

CARD = Path(__file__).resolve().parent.parent / "chapters" / "cards" / "13_costs.json"
FRAMES, ROUNDS = 12, 5


def main() -> None:
    """Measure everything and write the card."""
    settle()
    torch.set_num_threads(1)
    encoder = load_checkpoint("scene_encoder", SceneNamer()).encoder.requires_grad_(False)
    clips = difficulty_clips("plain", 1, FRAMES, generator=generator(0))
    calls = {name: partial(lambda make: follow(make(0.05), clips.frames[0], clips.boxes[0, 0]), make)
             for name, make in contestants(encoder).items()}  # fmt: skip
    seconds = medians(calls, rounds=ROUNDS, clock=time.process_time)
    card = {
        "command": "python -m benchmarks.chapter_13_costs",
        "machine": machine(),
        "torch": torch.__version__,
        "frames": FRAMES,
        "frames_a_second": {name: round((FRAMES - 1) / value, 1) for name, value in seconds.items()},
    }
    CARD.write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
