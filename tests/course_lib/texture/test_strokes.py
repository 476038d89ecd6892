"""Brush strokes: covered, repeatable, of the palette, and long along the field."""

from __future__ import annotations

import pytest
import torch

from course_lib.texture import brush_strokes


def test_the_generator_decides_the_picture():
    one, same, other = (brush_strokes(48, generator=torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert one.shape == (3, 48, 48)
    assert one.min() >= 0
    assert one.max() <= 1
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_more_strokes_leave_less_of_the_ground():
    ground = torch.tensor((0.16, 0.30, 0.62)).view(3, 1, 1)

    def bare(density):
        picture = brush_strokes(64, generator=torch.Generator().manual_seed(0), density=density)
        return float((picture == ground).all(dim=0).float().mean())

    assert bare(0.001) > 0.8
    assert bare(0.1) < 0.05


def test_a_stroke_is_longer_along_the_field_than_across():
    wide = brush_strokes(200, generator=torch.Generator().manual_seed(0)).mean(0)
    y, x = torch.meshgrid(torch.arange(20, 180), torch.arange(20, 180), indexing="ij")
    angle = 1.2 * torch.sin(x / 28) + 1.2 * torch.cos(y / 24)

    def change(turn):
        down, right = (4 * torch.sin(angle + turn)).round().long(), (4 * torch.cos(angle + turn)).round().long()
        return float((wide[y, x] - wide[y + down, x + right]).abs().mean())

    assert change(0.0) < 0.7 * change(torch.pi / 2)


@pytest.mark.parametrize("bad", [{"size": 0}, {"size": 8, "density": 0.0}])
def test_bad_sizes_are_named(bad):
    with pytest.raises(ValueError, match=r"size|density"):
        brush_strokes(**bad, generator=torch.Generator())
