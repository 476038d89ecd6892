"""Assignment 2: whole tables of retrieval, single distances, and how hard the collections are."""

from __future__ import annotations

import re

import numpy as np
import torch

from course_grader.notebooks import read_notebook, write_notebook

from ..test_a2_margins import (
    HIDDEN,
    REFERENCE,
    RIGHT,
    SOURCE,
    TOLERANCE,
    WRONG,
    averaged,
    collections,
    cosine,
    deviation,
    grams,
    histograms,
    maps,
    notebook,
    pairwise,
    pairwise_bytes,
    reference,
    retrieval,
    unit,
)
from .report import span, table

SEEDS = range(10)
NAMES = tuple(REFERENCE)


def measure() -> dict[str, str]:
    """The tables of MARGINS_a2.md; the numbers that the hidden tests compare with are written into the notebook."""
    torch.set_num_threads(1)
    store()
    return {"tables": tables(), "single": single(), "mean average precision": data(), "seen": seen()}


def store() -> None:
    """Write the reference's tables of the hidden draw into the two hidden tests."""
    source = read_notebook(SOURCE)
    for cell, names in (("test_table_pixels", ("rgb", "histogram")), ("test_table_features", ("cnn", "gram"))):
        lines = []
        for i, collection in enumerate(("objects", "textures")):
            rows = {name: tuple(round(float(value), 4) for value in reference(HIDDEN, name)[i]) for name in names}
            inner = ", ".join(f'"{name}": {row}' for name, row in rows.items())
            lines.append(f'    "{collection}": {{{inner}}},\n')
        (found,) = [one for one in source.cells if one.id == cell]
        wanted = rf"\g<1>{''.join(lines)}\g<2>"
        found.source = re.sub(r"(^wanted_\w+ = \{\n).*?(^\})", wanted, found.source, flags=re.DOTALL | re.MULTILINE)
    write_notebook(source, SOURCE)


def tables() -> str:
    """The largest deviation of P@5 and mAP from the reference, for right and wrong ways."""
    rows = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        own = [solution(seed) for seed in (HIDDEN, *SEEDS)]
        rows.append(row(f"solution, {threads} thread{'s'[: threads - 1]}", own))
    torch.set_num_threads(1)
    for way, (name, distance) in {**RIGHT, **WRONG}.items():
        rows.append(row(way, [deviation(seed, name, distance) for seed in (HIDDEN, *SEEDS)]))
    for name in NAMES:
        own = [deviation(seed, name, REFERENCE[name], keep_query=True) for seed in (HIDDEN, *SEEDS)]
        rows.append(row(f"{name}: the query among its results", own))
    return table(["Way", f"Seed {HIDDEN}", "Seeds 0 to 9", f"Seed {HIDDEN} / limit", "Verdict"], rows)


def row(way: str, values: list[float]) -> list[str]:
    verdict = "passes" if values[0] < TOLERANCE else "fails"
    return [way, f"{values[0]:.4f}", span(values[1:], 4), f"{values[0] / TOLERANCE:.2g}", verdict]


def solution(seed: int) -> float:
    """The same for the solution."""
    worst = 0.0
    for i, (images, labels) in enumerate(collections(seed).values()):
        found = notebook()["retrieval_table"](images, labels)
        worst = max(worst, *(np.abs(np.array(found[name]) - reference(seed, name)[i]).max() for name in NAMES))
    return worst


# Single distances of all pairs: what the tests compare to 1e-6 plus 1e-5 of the value.
def rgb(u, m):
    return pairwise(u.reshape(len(u), -1) / 255) / np.sqrt(u[0].size)


def chi(h, extra=0.0, both=1.0):
    below = h[:, None] + both * h[None] + extra
    return ((h[:, None] - h[None]) ** 2 / np.where(below > 0, below, 1)).sum(2) / 2


def traces(rows):
    return rows / rows.reshape(len(rows), 64, 64).trace(axis1=1, axis2=2)[:, None]


SINGLE = {
    "rgb": rgb,
    "chi-square": lambda u, m: chi(histograms(u)),
    "cosine": lambda u, m: cosine(averaged(m["stage2"])),
    "gram": REFERENCE["gram"],
}
SINGLE_RIGHT = {
    "rgb in float32": lambda u, m: pairwise(u.reshape(len(u), -1) / np.float32(255)) / np.sqrt(np.float32(u[0].size)),
    "chi-square in float32": lambda u, m: chi(histograms(u).astype(np.float32)),
    "chi-square: 1e-10 in the denominators (allowed)": lambda u, m: chi(histograms(u), 1e-10),
    "cosine in float32": lambda u, m: cosine(averaged(m["stage2"].astype(np.float32))),
    "gram in float32": lambda u, m: pairwise(unit(grams(m["stage2"].astype(np.float32)))),
}
SINGLE_WRONG = {
    "rgb: bytes wrap around": lambda u, m: pairwise_bytes(u) / 255,
    "rgb: mean absolute difference": lambda u, m: np.abs(u[:, None] / 255 - u[None] / 255).mean((2, 3, 4)),
    "chi-square: 1e-6 in the denominators": lambda u, m: chi(histograms(u), 1e-6),
    "chi-square: 1e-3 in the denominators": lambda u, m: chi(histograms(u), 1e-3),
    "chi-square: p alone in the denominators": lambda u, m: chi(histograms(u), 1e-10, both=0),
    "cosine: squared distance of unit vectors": lambda u, m: pairwise(unit(averaged(m["stage2"]))) ** 2,
    "gram: mean square instead of norm": lambda u, m: pairwise(unit(grams(m["stage2"]))) ** 2 / 64**2,
    "gram: divided by its trace": lambda u, m: pairwise(traces(grams(m["stage2"]))),
}


def single() -> str:
    rows = []
    for ways, choose, verdict in ((SINGLE_RIGHT, max, "passes"), (SINGLE_WRONG, min, "fails")):
        for way, distance in ways.items():
            (name,) = [one for one in SINGLE if re.match(one, way)]
            found = choose(in_tolerances(seed, SINGLE[name], distance) for seed in SEEDS)
            assert (found < 1) == (verdict == "passes"), way
            rows.append([way, f"{found:.2g}", verdict])
    return table(["Way", "Deviation / tolerance", "Verdict"], rows)


def in_tolerances(seed: int, right, way) -> float:
    """The largest deviation of all pairs of object views, in units of the tolerance."""
    images, features = collections(seed)["objects"][0], maps(seed, "objects")
    pairs = np.triu_indices(len(images), 1)
    wanted, got = right(images, features)[pairs], way(images, features)[pairs]
    return float((np.abs(got - wanted) / (1e-6 + 1e-5 * np.abs(wanted))).max())


def precisions(seed: int, mirrored: bool = False) -> dict[str, dict[str, float]]:
    """mAP by collection and distance, as students see it: six views."""
    sets = collections(seed, views=6)
    if mirrored:
        sets = {"mirrored objects": notebook()["object_collection"](seed=seed, mirrored=True)}
    return {name: {way: value[1] for way, value in retrieval(*part).items()} for name, part in sets.items()}


def data() -> str:
    """How the four compare on ten draws: lowest, mean, highest."""
    found = [{**precisions(seed), **precisions(seed, mirrored=True)} for seed in SEEDS]
    rows = []
    for collection in found[0]:
        values = np.array([[one[collection][name] for name in NAMES] for one in found])  # (10, 4)
        three = [values.min(0), values.mean(0), values.max(0)]
        ahead = [f"{a} - {b}: {span(values[:, NAMES.index(a)] - values[:, NAMES.index(b)], 3)}" for a, b in PAIRS]
        rows.append(
            [collection, *(", ".join(f"{value[i]:.3f}" for value in three) for i in range(4)), "; ".join(ahead)]
        )
    return table(["mAP", *NAMES, "Lead, all seeds"], rows)


PAIRS = [("cnn", "gram"), ("rgb", "histogram")]


def seen() -> str:
    """Seed 1: the numbers of the mark scheme."""
    found = {**precisions(1), **precisions(1, mirrored=True)}
    rows = [[name, *(f"{values[way]:.3f}" for way in NAMES)] for name, values in found.items()]
    return table(["mAP, seed 1", *NAMES], rows)
