"""Record the costs that chapter 9 prints: `python -m benchmarks.chapter_09_costs` writes chapters/cards/09_costs.json.

A classifier slid over a picture window by window against the same weights made convolutional; pictures a second of the
chapter's networks; a fit of spectral lines against a network that answers at once.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

from benchmarks.common import machine, medians, settle
from course_lib.core.seeding import generator
from course_lib.data.scenes import CATEGORIES
from course_lib.inversion import fit, line, network, spectra
from course_lib.segmentation import dense
from course_lib.segmentation.compared import NETWORKS, compared_network

CARD = Path(__file__).resolve().parent.parent / "chapters" / "cards" / "09_costs.json"
CHAIN, WINDOW, SIDE, STRIDE = (
    [(5, 1, 8), (2, 2, 0), (5, 1, 16), (2, 2, 0), (13, 1, 32), (1, 1, len(CATEGORIES))],
    64,
    192,
    4,
)
BATCH, SIZE, PIXELS = 32, 64, 1000


def windows() -> dict[str, float]:
    """Seconds for all windows of one picture."""
    torch.manual_seed(0)
    classifier = dense.window_classifier(CHAIN, WINDOW).eval()
    everywhere = dense.to_convolutional(classifier, torch.zeros(1, 3, WINDOW, WINDOW))
    picture = torch.rand(1, 3, SIDE, SIDE, generator=generator(0))
    found = medians(
        {
            "one_by_one_s": lambda: dense.sliding_window(classifier, picture, (WINDOW, WINDOW), stride=STRIDE),
            "at_once_s": lambda: everywhere(picture),
        },
        rounds=5,
    )
    return {"windows": ((SIDE - WINDOW) // STRIDE + 1) ** 2} | {name: round(value, 5) for name, value in found.items()}


def networks() -> dict[str, float]:
    """Pictures a second of each network, in batches, without gradients."""
    pictures = torch.rand(BATCH, 3, SIZE, SIZE, generator=generator(0)).contiguous(memory_format=torch.channels_last)
    calls = {}
    for name in NETWORKS:
        model = compared_network(name, len(CATEGORIES)).eval().to(memory_format=torch.channels_last)
        calls[name] = lambda model=model: model(pictures)
    return {name: round(BATCH / value, 1) for name, value in medians(calls, rounds=9).items()}


def inversion() -> dict[str, float]:
    """Seconds for PIXELS spectra."""
    x = line.wavelengths()
    seen = spectra.observe(spectra.sample_parameters(PIXELS, generator=generator(1)), x, generator=generator(2))
    model, single = network.LineRegressor(len(x)), seen.float()
    found = medians({"fit_s": lambda: fit.fit_spectra(seen, x), "network_s": lambda: model(single)}, rounds=5)
    return {"pixels": PIXELS} | {name: round(value, 6) for name, value in found.items()}


def main() -> None:
    """Measure everything and write the card."""
    settle()
    with torch.no_grad():
        card = {
            "command": "python -m benchmarks.chapter_09_costs",
            "machine": machine(),
            "torch": torch.__version__,
            "windows": windows(),
            "networks": networks(),
            "inversion": inversion(),
        }
    CARD.write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
