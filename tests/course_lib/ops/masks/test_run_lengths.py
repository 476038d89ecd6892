"""Run lengths equal pycocotools' both ways, on the corner cases and on random masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pycocotools import mask as coco

from course_lib.core.seeding import generator
from course_lib.ops.masks import from_run_lengths, run_lengths


def masks() -> dict[str, torch.Tensor]:
    corner = torch.zeros(5, 7, dtype=torch.bool)
    corner[0, 0] = corner[-1, -1] = True
    return {
        "empty": torch.zeros(5, 7, dtype=torch.bool),
        "full": torch.ones(5, 7, dtype=torch.bool),
        "corners": corner,
        "one pixel": torch.ones(1, 1, dtype=torch.bool),
        "random": torch.rand(13, 9, generator=generator(0)) > 0.4,
        "transposed": (torch.rand(13, 9, generator=generator(1)) > 0.8).T,
    }


@pytest.mark.parametrize("kind", masks())
def test_equal_to_pycocotools_both_ways(device, kind):
    mask = masks()[kind]
    height, width = mask.shape
    counts = run_lengths(mask.to(device))
    assert all(isinstance(count, int) for count in counts)
    compressed = coco.frPyObjects({"counts": counts, "size": [height, width]}, height, width)
    assert np.array_equal(coco.decode(compressed), mask.numpy())
    assert compressed == coco.encode(np.asfortranarray(mask.numpy().astype(np.uint8)))
    assert torch.equal(from_run_lengths(counts, height, width), mask)


def test_the_example_of_the_head():
    mask = torch.tensor([[False, True, True], [False, True, False]])
    assert run_lengths(mask) == [2, 3, 1]


def test_a_run_never_has_length_zero_but_for_the_first():
    counts = run_lengths(masks()["random"])
    assert sum(counts) == 13 * 9
    assert min(counts[1:]) > 0
    assert run_lengths(torch.ones(2, 2, dtype=torch.bool)) == [0, 4]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: run_lengths(torch.zeros(3, 4)), "mask must be a bool tensor .* not a float32 tensor"),
        (lambda: run_lengths(torch.zeros(2, 3, 4, dtype=torch.bool)), r"not a bool tensor of shape \(2, 3, 4\)"),
        (lambda: run_lengths(torch.zeros(0, 4, dtype=torch.bool)), "with a pixel at least"),
        (lambda: from_run_lengths([2, 3], 2, 3), "counts must add up to 2 x 3 = 6 .* not add up to 5"),
        (lambda: from_run_lengths([8, -2], 2, 3), "with the least -2"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
