"""The vision transformer takes torchvision's state_dict strictly and gives its outputs and gradients."""

from __future__ import annotations

import pytest
import torch
from torchvision.models import VisionTransformer as Reference
from torchvision.models import vit_b_16 as reference_b_16

from course_lib.core.seeding import generator
from course_lib.transformers.vit import VisionTransformer, vit_b_16

from ..refusals import refused


def small():
    theirs = Reference(32, 8, 3, 4, 24, 48, num_classes=7)
    torch.nn.init.normal_(theirs.heads.head.weight, generator=generator(3))
    ours = VisionTransformer(32, 8, 3, dimensions=24, heads=4, hidden=48, classes=7)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours.double(), theirs.double()


def test_outputs_and_gradients_equal_torchvisions():
    ours, theirs = small()
    images = torch.rand(2, 3, 32, 32, generator=generator(0), dtype=torch.float64)
    a, b = ours(images), theirs(images)
    torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-8)
    a.square().sum().backward()
    b.square().sum().backward()
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, theirs.get_parameter(name).grad, rtol=1e-5, atol=1e-8)


def test_vit_b_16_takes_torchvisions_weights_strictly_and_gives_its_outputs():
    torch.manual_seed(0)
    theirs = reference_b_16()
    torch.nn.init.normal_(theirs.heads.head.weight, std=0.02, generator=generator(3))  # it begins with zeros
    with torch.device("meta"):
        ours = vit_b_16()
    ours.load_state_dict(theirs.state_dict(), strict=True, assign=True)
    image = torch.rand(1, 3, 224, 224, generator=generator(0))
    with torch.no_grad():
        wanted, found = theirs.eval()(image), ours.eval()(image)
    assert wanted.std() > 0.1
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_patches_come_row_by_row_and_positions_tell_them_apart():
    ours, _ = small()
    images = torch.zeros(1, 3, 32, 32, dtype=torch.float64)
    images[0, :, 8:16, 16:24] = 1  # row 1, column 2 of 4 x 4 patches
    tokens = ours.tokens(images)[0, 1:]
    changed = (tokens - ours.tokens(torch.zeros_like(images))[0, 1:]).abs().sum(1) > 1e-9
    assert changed.nonzero().flatten().tolist() == [1 * 4 + 2]
    shuffled = images.roll(8, 3)
    assert (ours(images) - ours(shuffled)).abs().max() > 1e-6


@pytest.mark.parametrize("shape", [(1, 3, 32, 24), (1, 1, 32, 32), (3, 32, 32)])
def test_bad_pictures_are_refused(shape):
    refused(lambda: small()[0](torch.zeros(shape)), r"images must be \(B, 3, 32, 32\)")


def test_a_patch_that_does_not_fit_is_refused():
    refused(lambda: VisionTransformer(30, 8, 1, dimensions=8, heads=2), "multiple of patch")
