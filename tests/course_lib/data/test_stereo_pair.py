"""The stereo pair is scikit-image's, left and right fit by the true disparity, and clips move as they were told."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
import torch

from course_lib.data import photograph
from course_lib.data.clips import camera_clip
from course_lib.data.stereo_pair import motorcycle


def test_pixels_are_the_packages_own():
    pair, (left, _, disparity) = motorcycle(), skimage.data.stereo_motorcycle()
    assert np.array_equal((pair.left * 255).round().byte().permute(1, 2, 0).numpy(), left)
    assert np.array_equal(pair.known.numpy(), np.isfinite(disparity))
    assert np.allclose(pair.disparity[pair.known].numpy(), disparity[np.isfinite(disparity)])


@pytest.mark.parametrize("step", [1, 2, 4, 5])
def test_the_true_disparity_leads_to_a_like_pixel(step):
    pair = motorcycle(step)
    columns = torch.arange(pair.left.shape[2]) - pair.disparity
    inside = pair.known & (columns >= 0)
    fetched = pair.right.gather(2, columns.round().long().clamp(min=0).expand_as(pair.right))
    moved = (fetched - pair.left).abs().mean(0)[inside].median()
    still = (pair.right - pair.left).abs().mean(0)[inside].median()
    assert float(moved) < 0.45 * float(still)
    assert pair.focal * step == pytest.approx(994.978)


def test_steps_that_do_not_exist():
    with pytest.raises(ValueError, match=r"step must be 1, 2, 4 or 5, not 3"):
        motorcycle(3)


def test_a_whole_pixel_pan_is_a_shift():
    picture = photograph("china", 120)
    clip = camera_clip(picture, 5, (32, 40), pan=(2.0, 1.0))
    assert clip.shape == (5, 3, 32, 40)
    torch.testing.assert_close(clip[1:, :, :-1, :-2], clip[:-1, :, 1:, 2:], rtol=0, atol=2e-3)
    rows, columns = slice(60 - 16, 60 + 16), slice(picture.shape[2] // 2 - 20, picture.shape[2] // 2 + 20)
    if picture.shape[2] % 2 == 0:
        torch.testing.assert_close(clip[2], picture[:, rows, columns], rtol=0, atol=2e-3)


def test_zooming_in_enlarges():
    clip = camera_clip(photograph("china", 200), 3, (48, 48), zoom=1.5)
    small = torch.nn.functional.interpolate(clip[:1], scale_factor=1.5, mode="bicubic")[0, :, 12:60, 12:60]
    assert float((small - clip[1]).abs().mean()) < 0.25 * float((clip[0] - clip[1]).abs().mean())


def test_bad_clips():
    with pytest.raises(ValueError, match=r"zoom must be a finite number above 0"):
        camera_clip(photograph("china", 40), 3, (16, 16), zoom=0.0)
    with pytest.raises(ValueError, match=r"shape \(C, H, W\)"):
        camera_clip(photograph("china", 40)[None], 3, (16, 16))
