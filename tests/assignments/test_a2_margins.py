"""Assignment 2's thresholds: right answers stay far inside each, wrong ones far outside. MARGINS_a2.md has the numbers.

The reference is independent of the notebook: the library's own network, scikit-learn's average precision, NumPy's
histogram. The right and wrong ways are whole tables (P@5 and mAP of one distance on both collections) as the last
exercise asks for them, and single distances in units of their tolerance.
"""

from __future__ import annotations

import ast
import functools
import re

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from course_grader.notebooks import read_notebook, solution_sources
from course_lib.core.weights import load_checkpoint
from course_lib.networks.backbones.backbone import Backbone

from .conftest import ASSIGNMENTS

TOLERANCE = 0.01  # of the tables
SEEDS, VIEWS = range(3), 4  # margins/a2.py measures ten seeds
HIDDEN = 21  # the seed of the collections in the hidden tests
SOURCE = ASSIGNMENTS / "source" / "a2_image_retrieval" / "a2_image_retrieval.ipynb"


@functools.cache
def cells() -> dict[str, str]:
    return {cell.id: cell.source for cell in read_notebook(SOURCE).cells if cell.cell_type == "code"}


@functools.cache
def notebook() -> dict:
    """What the locked cells and the solution define."""
    names: dict = {}
    for cell in ("setup", "collections", "features"):
        source = cells()[cell].replace("sys.stderr = sys.stdout", "")
        exec(compile(source, cell, "exec"), names)
    for cell, source in solution_sources(read_notebook(SOURCE)).items():
        if cell != "written_answer":
            exec(compile(source, cell, "exec"), names)
    return names


@functools.cache
def collections(seed: int, views: int = VIEWS) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {
        "objects": notebook()["object_collection"](seed=seed, views=views),
        "textures": notebook()["texture_collection"](seed=seed, views=views),
    }


def library_maps(images: np.ndarray) -> dict[str, torch.Tensor]:
    with torch.no_grad():
        return load_checkpoint("backbone", Backbone()).features(torch.from_numpy(images).permute(0, 3, 1, 2) / 255)


@functools.cache
def maps(seed: int, collection: str) -> dict[str, np.ndarray]:
    return {k: v.double().numpy() for k, v in library_maps(collections(seed)[collection][0]).items()}


def pairwise(rows: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(((rows[:, None] - rows[None]) ** 2).sum(axis=-1), 0))


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def histograms(images: np.ndarray, bins: int = 4) -> np.ndarray:
    edges = [np.linspace(0, 1, bins + 1)] * 3
    counts = [np.histogramdd(image.reshape(-1, 3) / 255, edges)[0].ravel() for image in images]
    return np.stack(counts) / images[0, :, :, 0].size


def chi_square(h: np.ndarray) -> np.ndarray:
    total = h[:, None] + h[None]
    return ((h[:, None] - h[None]) ** 2 / np.where(total > 0, total, 1)).sum(axis=2) / 2


def averaged(m: np.ndarray, size: int = 4) -> np.ndarray:
    return torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(m), size).flatten(1).numpy()


def grams(m: np.ndarray) -> np.ndarray:
    flat = m.reshape(*m.shape[:2], -1)
    return (flat @ flat.transpose(0, 2, 1) / flat.shape[2]).reshape(len(m), -1)


def cosine(rows: np.ndarray) -> np.ndarray:
    return 1 - unit(rows) @ unit(rows).T


REFERENCE = {
    "rgb": lambda u, m: pairwise(u.reshape(len(u), -1) / 255),
    "histogram": lambda u, m: chi_square(histograms(u)),
    "cnn": lambda u, m: cosine(averaged(m["stage2"])),
    "gram": lambda u, m: pairwise(unit(grams(m["stage2"]))),
}
# Ways that the text allows; the solution itself is one more.
RIGHT = {
    "rgb: float32": ("rgb", lambda u, m: pairwise(u.reshape(len(u), -1).astype(np.float32) / np.float32(255))),
    "histogram: 1e-10 in the denominators": (
        "histogram",
        lambda u, m: (lambda h: ((h[:, None] - h) ** 2 / (h[:, None] + h + 1e-10)).sum(2) / 2)(histograms(u)),
    ),
    "cnn: float32": ("cnn", lambda u, m: cosine(averaged(m["stage2"].astype(np.float32)))),
    "gram: float32": ("gram", lambda u, m: pairwise(unit(grams(m["stage2"].astype(np.float32))))),
}
WRONG = {
    "rgb: bytes wrap around": ("rgb", lambda u, m: pairwise_bytes(u)),
    "rgb: sorted pixels": ("rgb", lambda u, m: pairwise(np.sort(u.reshape(len(u), -1) / 255))),
    "histogram: 8 bins": ("histogram", lambda u, m: chi_square(histograms(u, 8))),
    "histogram: each channel alone": (
        "histogram",
        lambda u, m: (lambda h: chi_square(np.concatenate([h.sum((2, 3)), h.sum((1, 3)), h.sum((1, 2))], 1)))(
            histograms(u).reshape(-1, 4, 4, 4)
        ),
    ),
    "histogram: without the denominators": ("histogram", lambda u, m: pairwise(histograms(u))),
    "cnn: averaged over the whole map": ("cnn", lambda u, m: cosine(averaged(m["stage2"], 1))),
    "cnn: stage3": ("cnn", lambda u, m: cosine(averaged(m["stage3"]))),
    "cnn: stage1": ("cnn", lambda u, m: cosine(averaged(m["stage1"]))),
    "cnn: straight-line distance": ("cnn", lambda u, m: pairwise(averaged(m["stage2"]))),
    "cnn: sign forgotten": ("cnn", lambda u, m: -cosine(averaged(m["stage2"]))),
    "gram: not normalised": ("gram", lambda u, m: pairwise(grams(m["stage2"]))),
    "gram: stage1": ("gram", lambda u, m: pairwise(unit(grams(m["stage1"])))),
    "gram: stage3": ("gram", lambda u, m: pairwise(unit(grams(m["stage3"])))),
    "gram: places times places": (
        "gram",
        lambda u, m: pairwise(unit(grams(m["stage2"].reshape(len(u), 64, 256).transpose(0, 2, 1)))),
    ),
}


def pairwise_bytes(images: np.ndarray) -> np.ndarray:
    rows = images.reshape(len(images), -1)
    return np.sqrt(((rows[:, None] - rows[None]) ** 2).astype(np.float64).mean(axis=2))


def score(distances: np.ndarray, labels: np.ndarray, keep_query: bool = False) -> tuple[float, float]:
    """P@5 and mAP; scikit-learn computes the latter from the places in the ranking."""
    hits, averages = [], []
    for query, row in enumerate(distances):
        order = np.argsort(row, kind="stable")
        order = order if keep_query else order[order != query]
        relevant = labels[order] == labels[query]
        hits.append(relevant[:5].mean())
        averages.append(average_precision_score(relevant, -np.arange(len(relevant))))
    return float(np.mean(hits)), float(np.mean(averages))


@functools.cache
def reference(seed: int, name: str) -> np.ndarray:
    return table_row(seed, REFERENCE[name])


def table_row(seed: int, way, **options) -> np.ndarray:
    """P@5 and mAP on the objects and on the textures."""
    parts = [
        score(way(images, maps(seed, collection)), labels, **options)
        for collection, (images, labels) in collections(seed).items()
    ]
    return np.array(parts)  # (2, 2)


def deviation(seed: int, name: str, way, **options) -> float:
    """The largest of the four differences to the reference: what the test compares with its tolerance."""
    return float(np.abs(table_row(seed, way, **options) - reference(seed, name)).max())


def retrieval(images: np.ndarray, labels: np.ndarray) -> dict[str, tuple[float, float]]:
    """P@5 and mAP of the four distances on a collection."""
    features = {name: value.double().numpy() for name, value in library_maps(images).items()}
    return {name: score(way(images, features), labels) for name, way in REFERENCE.items()}


def test_the_network_of_the_notebook_is_the_librarys():
    images = collections(0)["objects"][0][:8]
    theirs, ours = library_maps(images), notebook()["backbone_features"](images)
    for stage in ("stage1", "stage2", "stage3"):
        torch.testing.assert_close(ours[stage], theirs[stage], rtol=1e-5, atol=1e-5)


def test_the_stored_tables_are_those_of_the_reference():
    """The numbers in the hidden tests, to four digits."""
    for cell in ("test_table_pixels", "test_table_features"):
        assert float(re.search(r"rtol=0, atol=([\d.]+)\)", cells()[cell]).group(1)) == TOLERANCE
        stored = re.search(r"^wanted_\w+ = (\{.*?^\})", cells()[cell], re.DOTALL | re.MULTILINE)
        wanted = ast.literal_eval(stored.group(1))
        for i, (_, rows) in enumerate(wanted.items()):
            for name, row in rows.items():
                np.testing.assert_allclose(row, reference(HIDDEN, name)[i], atol=2e-4)
    made = re.findall(r"_collection\(seed=(\d+), views=(\d)\)\)", cells()["test_table_pixels"])
    assert made == [(str(HIDDEN), str(VIEWS))] * 2


def test_the_solutions_tables_have_margin():
    for seed in (HIDDEN, *SEEDS):
        for i, (images, labels) in enumerate(collections(seed).values()):
            for name, row in notebook()["retrieval_table"](images, labels).items():
                assert np.abs(np.array(row) - reference(seed, name)[i]).max() < TOLERANCE / 10, (seed, name)


@pytest.mark.parametrize("way", RIGHT)
def test_right_ways_to_a_table_have_margin(way):
    assert max(deviation(seed, *RIGHT[way]) for seed in (HIDDEN, *SEEDS)) < TOLERANCE / 10


@pytest.mark.parametrize("way", WRONG)
def test_wrong_ways_to_a_table_have_margin(way):
    assert deviation(HIDDEN, *WRONG[way]) > 2.5 * TOLERANCE


@pytest.mark.parametrize("name", REFERENCE)
def test_a_query_that_finds_itself_has_margin(name):
    assert deviation(HIDDEN, name, REFERENCE[name], keep_query=True) > 2.5 * TOLERANCE


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_order_of_the_four_is_another_on_the_other_collection(seed):
    """What the written question asks about is a fact of the data, not of one draw; 1 is the draw that students see."""
    found = {
        name: {way: row[1] for way, row in retrieval(*part).items()} for name, part in collections(seed, 6).items()
    }
    orders = {collection: sorted(values, key=values.get) for collection, values in found.items()}
    assert orders == {
        "objects": ["histogram", "rgb", "gram", "cnn"],
        "textures": ["rgb", "histogram", "cnn", "gram"],
    }
    for collection, values in found.items():
        assert min(np.diff(sorted(values.values()))) > 0.04, collection


def test_the_mark_scheme_quotes_what_students_see():
    """Each number with two decimals in the mark scheme and the sample answer is a rounded mAP of the printed table."""
    sets = {**collections(1, views=6), "mirrored": notebook()["object_collection"](mirrored=True)}
    shown = {f"{row[1]:.2f}" for part in sets.values() for row in retrieval(*part).values()}
    texts = [cell.source for cell in read_notebook(SOURCE).cells if cell.id in ("written_question", "written_answer")]
    quoted = [set(re.findall(r"\b0\.\d\d\b", text)) for text in texts]
    assert all(len(numbers) >= 8 for numbers in quoted)
    assert set.union(*quoted) <= shown
