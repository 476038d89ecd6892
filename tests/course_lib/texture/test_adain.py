"""After AdaIN the statistics are the style's, to 1e-5, and what it does can be undone."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.ops.pyramids import laplacian_pyramid
from course_lib.texture import adain, adain_bands


@pytest.fixture
def pair(device, dtype):
    content = torch.randn(2, 4, 9, 8, generator=generator(0)).to(device, dtype)
    style = (3 + 2 * torch.randn(2, 4, 5, 11, generator=generator(1))).to(device, dtype)
    return content, style


def test_mean_and_deviation_are_the_styles_to_1e_5(pair):
    content, style = pair
    out = adain(content.float(), style.float())
    ours = torch.cat([out.mean((2, 3)), out.std((2, 3), correction=0)])
    wanted = torch.cat([style.mean((2, 3)), style.std((2, 3), correction=0)])
    torch.testing.assert_close(ours.double(), wanted.double(), atol=1e-5, rtol=0)


def test_equals_instance_norm_with_the_styles_numbers(pair, close):
    content, style = pair
    variance, mean = torch.var_mean(style, (2, 3), correction=0, keepdim=True)
    close(adain(content, style), F.instance_norm(content, eps=1e-10) * variance.sqrt() + mean, rtol=1e-5, atol=1e-6)


def test_back_again_and_itself(pair, close):
    content, style = pair
    close(adain(adain(content, style), content), content, rtol=1e-5, atol=1e-6)
    close(adain(content, content), content, rtol=1e-5, atol=1e-6)


def test_a_constant_map_stays_finite(device):
    flat, style = torch.ones(1, 1, 4, 4, device=device), torch.rand(1, 1, 4, 4, generator=generator(0)).to(device)
    torch.testing.assert_close(adain(flat, style), style.mean().expand(1, 1, 4, 4))


def test_bands_of_one_level_are_pixels_and_of_more_get_the_styles_contrast(device):
    content, style = (photograph(name, 64)[None, :, :, :64].to(device) for name in ("astronaut", "coffee"))
    torch.testing.assert_close(adain_bands(content, style, 1), adain(content, style))
    out = adain_bands(content, style, 4)
    assert out.shape == content.shape
    torch.testing.assert_close(adain_bands(content, content, 4), content, atol=1e-5, rtol=0)
    ours, wanted, before = (laplacian_pyramid(x, 4)[0].std() for x in (out, style, content))
    assert abs(ours - wanted) < 0.2 * abs(before - wanted)


def test_other_channels_are_refused(pair):
    with pytest.raises(ValueError, match="style has D = 3 but content has D = 4"):
        adain(pair[0], pair[1][:, :3])
    with pytest.raises(ValueError, match="style has C = 3"):
        adain_bands(pair[0], pair[1][:, :3])
