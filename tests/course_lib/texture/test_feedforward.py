"""The transform net keeps sizes, normalises each picture by itself, learns, and its card holds."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.core.weights import load_checkpoint, read_card
from course_lib.data import photograph
from course_lib.texture import RandomFilters, TransformNet, gram_matrix, luminance, style_transfer_loss, texture_loss


def test_the_output_has_the_inputs_size_and_range(device):
    torch.manual_seed(0)
    net = TransformNet(channels=3, width=4, blocks=1).to(device)
    images = torch.rand(2, 3, 20, 28, generator=generator(0)).to(device)
    out = net(images).detach()
    assert out.shape == images.shape
    assert 0 < float(out.min()) < float(out.max()) < 1


def test_each_picture_is_treated_by_itself_and_contrast_does_not_matter(device):
    torch.manual_seed(0)
    net = TransformNet(width=4, blocks=1).to(device)
    images = torch.rand(2, 1, 24, 24, generator=generator(0)).to(device)
    torch.testing.assert_close(net(images)[:1], net(images[:1]), atol=1e-5, rtol=1e-4)
    paler = 0.4 + 0.3 * images[:1]  # instance normalisation after the first layer removes both
    torch.testing.assert_close(net(paler), net(images[:1]), atol=1e-2, rtol=0)


def test_a_few_steps_lower_the_loss():
    torch.manual_seed(0)
    net, source = TransformNet(width=4, blocks=1), RandomFilters(4, (3, 5), 2, channels=1)
    content, style = (photograph(name, 48)[None, :1, :32, :32] for name in ("camera", "gravel"))
    loss = style_transfer_loss(content, style, 1.0, content_features=source, style_features=source)
    optimiser, values = torch.optim.Adam(net.parameters(), 5e-3), []
    for _ in range(25):
        value = loss(net(content))
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        values.append(float(value.detach()))
    assert values[-1] < 0.5 * values[0]


def test_the_card_holds():
    card = read_card("feedforward_style")
    net = load_checkpoint("feedforward_style", TransformNet())
    assert sum(p.numel() for p in net.parameters()) == card["parameters"]
    content = luminance(photograph("astronaut", 256)[None, :, :128, 60:188])
    style = photograph("gravel", 256)[None, :, 60:188, 60:188]
    paint = texture_loss(RandomFilters(channels=1), gram_matrix, style)
    with torch.no_grad():
        found, before = float(paint(net(content))), float(paint(content))
    assert found == pytest.approx(card["feedforward"]["style"], rel=0.02)
    assert before == pytest.approx(card["photograph"]["style"], rel=0.02)
    assert found < 0.2 * before


def test_bad_pictures_are_refused():
    net = TransformNet(width=2, blocks=1)
    with pytest.raises(ValueError, match="multiples of 4, at least 16"):
        net(torch.rand(1, 1, 18, 20))
    with pytest.raises(ValueError, match="images must be"):
        net(torch.rand(1, 3, 20, 20))
    with pytest.raises(ValueError, match="width must be"):
        TransformNet(width=0)
