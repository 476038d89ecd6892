"""Dense SIFT, words and pyramids: what they must not care about, what they must count, and a loop as reference."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.classical.bag_of_words import assign_words, dense_sift, spatial_pyramid
from course_lib.core.seeding import generator
from course_lib.ops.filters import sobel


def slow_descriptor(image: torch.Tensor, top: int, left: int, cell: int) -> torch.Tensor:
    """One descriptor by loops over pixels: each gives its gradient to cells and directions near it."""
    gradient = sobel(image[None, None])
    histogram = torch.zeros(4, 4, 8, dtype=image.dtype)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            gx, gy = float(gradient.x[0, 0, y, x]), float(gradient.y[0, 0, y, x])
            angle = math.atan2(gy, gx) % (2 * math.pi) * 8 / (2 * math.pi)
            for i in range(4):
                for j in range(4):
                    rows = 1 - abs(y - (top + (i + 0.5) * cell - 0.5)) / cell
                    columns = 1 - abs(x - (left + (j + 0.5) * cell - 0.5)) / cell
                    if rows <= 0 or columns <= 0:
                        continue
                    for b in range(8):
                        apart = min(abs(angle - b), 8 - abs(angle - b))
                        histogram[i, j, b] += max(0.0, 1 - apart) * rows * columns * math.hypot(gx, gy)
    flat = histogram.flatten()
    flat = (flat / flat.norm()).clamp(max=0.2)
    return flat / flat.norm()


@pytest.mark.parametrize("cell", [2, 4])
def test_equal_to_loops(cell: int):
    image = torch.rand(24, 22, generator=generator(0), dtype=torch.float64)
    descriptors, centres = dense_sift(image[None, None], cell, step=5)
    for number in (0, len(centres) // 2, len(centres) - 1):
        top, left = (round(float(c) - (4 * cell - 1) / 2) for c in centres[number])
        torch.testing.assert_close(descriptors[0, number], slow_descriptor(image, top, left, cell), rtol=0, atol=1e-9)


def test_brightness_and_contrast_do_not_matter_and_a_quarter_turn_permutes():
    image = torch.rand(2, 1, 16, 16, generator=generator(1), dtype=torch.float64)
    plain, _ = dense_sift(image)
    torch.testing.assert_close(dense_sift(0.3 * image + 0.2)[0], plain)
    turned, _ = dense_sift(image.rot90(1, (2, 3)))  # anticlockwise on the screen: x -> up
    cells = plain.view(2, 4, 4, 8).rot90(1, (1, 2)).roll(-2, 3)
    torch.testing.assert_close(turned.view(2, 4, 4, 8), cells)


def test_flat_patches_give_zeros_and_others_have_length_1():
    image = torch.zeros(1, 1, 40, 16)
    image[:, :, 26:] = torch.rand(14, 16, generator=generator(0))
    descriptors, centres = dense_sift(image, step=4)
    assert centres.shape == (7, 2)
    lengths = descriptors[0].norm(dim=1)
    assert float(lengths[0]) == 0
    torch.testing.assert_close(lengths[-1], torch.tensor(1.0))


def test_words_are_the_nearest():
    descriptors = torch.rand(2, 5, 3, generator=generator(0))
    words = torch.rand(4, 3, generator=generator(1))
    assert torch.equal(assign_words(descriptors, words), torch.cdist(descriptors, words).argmin(2))


def test_pyramid_by_hand():
    """Four patches in the four corners, words 0, 1, 1, 0: the whole has two of each, each quarter one word."""
    centres = torch.tensor([[2.0, 2.0], [2.0, 6.0], [6.0, 2.0], [6.0, 6.0]])
    assigned = torch.tensor([[0, 1, 1, 0]])
    pyramid = spatial_pyramid(assigned, centres, (8, 8), words=2, levels=2)
    quarters = [0.25, 0, 0, 0.25, 0, 0.25, 0.25, 0]
    torch.testing.assert_close(pyramid, 0.5 * torch.tensor([[0.5, 0.5, *quarters]]))


def test_pyramid_match_of_an_image_with_itself_is_1_and_shuffling_changes_fine_levels_only():
    centres = torch.cartesian_prod(torch.arange(8) + 0.5, torch.arange(8) + 0.5)
    assigned = torch.randint(0, 5, (2, 64), generator=generator(0))
    pyramid = spatial_pyramid(assigned, centres, (8, 8), words=5, levels=3)
    assert pyramid.shape == (2, 5 * 21)
    torch.testing.assert_close(pyramid.sum(1), torch.ones(2))
    shuffled = spatial_pyramid(
        assigned[:, torch.randperm(64, generator=generator(1))], centres, (8, 8), words=5, levels=3
    )
    torch.testing.assert_close(shuffled[:, :5], pyramid[:, :5])
    assert not torch.allclose(shuffled[:, 5:], pyramid[:, 5:])


def test_errors_speak():
    with pytest.raises(ValueError, match=r"images must have at least 16 x 16 pixels, a patch, not \(12, 40\)"):
        dense_sift(torch.rand(1, 1, 12, 40))
    with pytest.raises(ValueError, match="cell must be even, so that its centre lies between pixels, not 3"):
        dense_sift(torch.rand(1, 1, 20, 20), cell=3)
    with pytest.raises(ValueError, match="images must be a floating-point tensor of shape"):
        dense_sift(torch.zeros(1, 3, 20, 20, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"assigned must hold int64 words 0 to 1, not torch.int64 0 to 2"):
        spatial_pyramid(torch.tensor([[0, 2]]), torch.zeros(2, 2), (4, 4), words=2)
