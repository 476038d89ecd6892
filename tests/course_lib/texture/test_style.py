"""Content and style losses, their sum, and brightness taken out of a picture and put back."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.texture import (
    RandomFilters,
    content_loss,
    gram_matrix,
    luminance,
    style_transfer_loss,
    synthesise,
    texture_loss,
    with_luminance,
)


def pictures(device):
    return (photograph(name, 32)[None, :1, :24, :24].to(device) for name in ("camera", "gravel"))


def test_content_loss_is_the_mean_relative_distance_and_knows_places(device, close):
    content, _ = pictures(device)
    source, moved = RandomFilters(3, (3,), 2, channels=1).to(device), content.roll(2, dims=3)
    loss = content_loss(source, content)
    pairs = zip(source(moved), source(content), strict=True)
    wanted = sum(((a - b) ** 2).sum() / (b**2).sum() for a, b in pairs) / 2
    close(loss(moved), wanted, rtol=1e-5)
    assert float(loss(content)) == 0
    assert float(loss(moved)) > 10 * float(texture_loss(source, gram_matrix, content)(moved))


def test_the_sum_and_its_ends(device, close):
    content, style = pictures(device)
    source = RandomFilters(3, (3,), 2, channels=1).to(device)
    both = style_transfer_loss(content, style, 0.5, content_features=source, style_features=source)
    image = (content + style) / 2
    wanted = content_loss(source, content)(image) + 0.5 * texture_loss(source, gram_matrix, style)(image)
    close(both(image), wanted)
    assert float(style_transfer_loss(content, style, 0.0, content_features=source, style_features=source)(content)) == 0


def test_more_weight_gives_less_style_loss_and_more_content_loss(device):
    content, style = pictures(device)
    source = RandomFilters(4, (3, 5), 2, channels=1).to(device)
    keep, paint = content_loss(source, content), texture_loss(source, gram_matrix, style)
    ends = []
    for weight in (0.01, 1.0):
        image, _ = synthesise(
            style_transfer_loss(content, style, weight, content_features=source, style_features=source), content, 30
        )
        ends.append((float(keep(image)), float(paint(image))))
    assert ends[0][0] < ends[1][0]
    assert ends[0][1] > ends[1][1]
    assert ends[1][1] < 0.5 * float(paint(content))


def test_brightness_comes_out_and_goes_back(device):
    colour = photograph("coffee", 20)[None].to(device)
    grey = luminance(colour)
    assert float(luminance(torch.ones_like(colour)).mean()) == pytest.approx(1, abs=1e-6)
    torch.testing.assert_close(with_luminance(colour, grey), colour)
    wanted = (0.4 * grey + 0.3).clamp(0, 1)
    faint = 0.5 + 0.2 * (colour - 0.5)  # nothing is cut off
    torch.testing.assert_close(luminance(with_luminance(faint, wanted)), wanted, atol=1e-5, rtol=0)


def test_bad_input_is_refused(device):
    content, style = pictures(device)
    source = RandomFilters(3, (3,), 1, channels=1).to(device)
    for weight in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="weight must be a finite number"):
            style_transfer_loss(content, style, weight, content_features=source, style_features=source)
    with pytest.raises(ValueError, match="content must be"):
        content_loss(source, content[0])
    with pytest.raises(ValueError, match="brightness has H = 20"):
        with_luminance(torch.rand(1, 3, 24, 24, generator=generator(0)), torch.rand(1, 1, 20, 24))
    with pytest.raises(ValueError, match="images must be"):
        luminance(content)


def test_brightness_that_leaves_the_range_is_cut():
    images, brightness = torch.rand(1, 3, 4, 4, generator=generator(2)), torch.ones(1, 1, 4, 4)
    result = with_luminance(images, brightness)
    assert result.max() == 1
    assert ((images - luminance(images) + brightness) > 1).any()
    assert with_luminance(images, torch.zeros(1, 1, 4, 4)).min() == 0
