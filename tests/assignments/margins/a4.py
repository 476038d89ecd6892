"""Assignment 4: gains of three levels on the chequerboard, and the synthesis of gravel."""

from __future__ import annotations

import numpy as np
import torch

from ..conftest import defined, source_notebook
from ..submissions.a4_variants import NUMPY
from ..test_a4_margins import FROM_BLUR, FROM_NOISE, GAINS, LOSS, WRONG, board_gain, likeness, synthesis
from .report import span, table

PAIRS = [(0, 1), (6, 7), (2, 3), (4, 5), (8, 9)]
RIGHT = ("solution", "solution, two threads", "noise from NumPy's generator")  # all five pairs; the others two
SLOW = {"synthesise": [("lr=RATE", "lr=RATE / 10")]}
PLAIN = {"synthesise": [("torch.optim.Adam", "torch.optim.SGD")]}
SIGN = {"synthesise": [("optimiser.step()", "pixels.data.sub_(RATE * pixels.grad.sign())")]}
BORDER = {"extract_features": [('mode="reflect"', 'mode="constant"')]}
NO_SHORTCUT = {"extract_features": [("F.relu(first + convolve", "F.relu(convolve")]}
NO_RELU = {"extract_features": [("convolve(F.relu(convolve(first, 2)), 3)", "convolve(convolve(first, 2), 3)")]}
DIAGONAL = {
    "gram_matrix": [("return flat @ flat.transpose(1, 2)", "return torch.eye(len(flat[0])) * (flat @ flat.mT)")]
}
LATE_CUT = {
    "synthesise": [
        ("            pixels.clamp_(0, 1)\n", "            pass\n"),
        ("return pixels.detach(), losses", "return pixels.detach().clamp(0, 1), losses"),
    ]
}
# What a mistake costs elsewhere; those that do not hurt the synthesis pass here on purpose.
WAYS = {
    "solution": ({}, ""),
    "solution, two threads": ({}, ""),
    "noise from NumPy's generator": ({"noise_start": NUMPY["noise_start"]}, ""),
    "pixels cut to 0 ... 1 at the end only": (LATE_CUT, "exercise 7"),
    "zeros at the borders": (BORDER, "exercise 1"),
    "no shortcut in the block": (NO_SHORTCUT, "exercise 1"),
    "no ReLU in the block": (NO_RELU, "exercise 1"),
    "diagonal of the Gram matrices only": (DIAGONAL, "exercise 3"),
    "loss not divided by the target's size": ({"texture_loss": [("gap / target.square().sum()", "gap")]}, "exercise 5"),
    "sign of the gradient instead of Adam": (SIGN, "exercise 7"),
    "a tenth of the learning rate": (SLOW, "exercise 7"),
    **{name: (changes, "") for name, (_, changes) in WRONG.items()},
}

GRAVEL = (
    "solution",
    "solution, two threads",
    "zeros at the borders",
    "no shortcut in the block",
    "no ReLU in the block",
    "sign of the gradient instead of Adam",
    "a tenth of the learning rate",
    "plain gradient descent",
)


def measure() -> dict[str, str]:
    source = source_notebook("a4_texture_synthesis")
    return {"gain": gain(source), "gravel": gravel(source)}


def gain(source) -> str:
    rows = []
    for way, (changes, elsewhere) in WAYS.items():
        names = defined(source, changes)
        torch.set_num_threads(2 if "two threads" in way else 1)
        pairs = PAIRS if way in RIGHT else PAIRS[:2]
        found = np.array([board_gain(names, pair) for pair in pairs])  # (pairs, 2): error with one level, gain
        reached = [kind for kind, limit in GAINS.items() if found[0, 1] > limit]
        cost = f" (fails in {elsewhere})" if elsewhere else ""
        points = (", ".join(reached) or "none") + cost
        rows.append([way, f"{found[0, 1]:.3f}", span(found[:, 1], 3), span(found[:, 0], 3), points])
    return table(["Way", "Gain, seeds 0, 1", "All pairs of seeds", "Error with one level", "Reaches"], rows)


def gravel(source) -> str:
    """Loss and likeness of gravel from noise (seed 11, the test's, and 0 to 2) and from blur."""
    rows = []
    for way in GRAVEL:
        names = defined(source, WAYS[way][0])
        torch.set_num_threads(2 if "two threads" in way else 1)
        picture = names["exemplars"]["gravel"]
        runs = [synthesis(names, "gravel", names["noise_start"](picture, seed), 3) for seed in (11, 0, 1, 2)]
        ratios = [losses[-1] / losses[0] for _, losses in runs]
        alike = [likeness(made, picture) for made, _ in runs]
        from_blur, losses = synthesis(names, "gravel", names["blurred_start"](picture, 4), 3)
        ratio, alike_blur = losses[-1] / runs[0][1][0], likeness(from_blur, picture)
        verdicts = [ratios[0] < LOSS, abs(alike[0]) < FROM_NOISE and alike_blur > FROM_BLUR and ratio < LOSS]
        passed = ", ".join("passes" if one else "fails" for one in verdicts)
        rows.append([way, span(ratios, 4), span(alike, 3), f"{ratio:.4f}", f"{alike_blur:.3f}", passed])
    head = ["Way", "Loss from noise", "Likeness from noise", "Loss from blur", "Likeness from blur", "Verdicts"]
    return table(head, rows)
