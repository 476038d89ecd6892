"""Print every comparison in one run: `python -m benchmarks`."""

from __future__ import annotations

import torch

from benchmarks import (
    backbones,
    detection,
    filters,
    linear,
    motion_and_depth,
    neighbours,
    scenes,
    sequences,
    sgd,
    texture,
)
from benchmarks.common import machine, settle

settle()
print(f"{machine()}, torch {torch.__version__}; medians, peers taking turns, ratio = ours / peer")
for part in (filters, motion_and_depth, linear, neighbours, sgd, scenes, backbones, texture, sequences, detection):
    part.run()
