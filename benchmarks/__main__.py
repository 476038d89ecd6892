"""Print every comparison in one run: `python -m benchmarks`."""

from __future__ import annotations

import torch

from benchmarks import convnets, filters, linear, neighbours, representation, scenes, sgd, texture
from benchmarks.common import machine, settle

settle()
print(f"{machine()}, torch {torch.__version__}; medians, peers taking turns, ratio = ours / peer")
for part in (filters, representation, linear, neighbours, sgd, scenes, convnets, texture):
    part.run()
