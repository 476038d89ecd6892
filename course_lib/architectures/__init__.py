"""What an architecture costs and what each of its ideas is worth (chapter 6; habits of training: chapter 3)."""

from course_lib.architectures.ablation import SwitchedBlock, SwitchedNet
from course_lib.architectures.count import (
    LayerCost,
    layer_costs,
    measured_receptive_field,
    parameter_count,
    receptive_field,
    windows,
)
from course_lib.architectures.effective import effective_receptive_field, energy_spread, square_holding
from course_lib.architectures.learned_filter import fit_filter
from course_lib.architectures.tricks import Tricks, train_with

__all__ = [
    "LayerCost",
    "SwitchedBlock",
    "SwitchedNet",
    "Tricks",
    "effective_receptive_field",
    "energy_spread",
    "fit_filter",
    "layer_costs",
    "measured_receptive_field",
    "parameter_count",
    "receptive_field",
    "square_holding",
    "train_with",
    "windows",
]
