"""Gradient ascent, inversion and DeepDream: each regulariser alone, known optima, and what must stay as it was."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from course_lib.core.seeding import generator
from course_lib.interpretability import deep_dream, gradient_ascent, invert, total_variation
from course_lib.ops.filters import gaussian_filter

TEMPLATE = torch.randn(1, 3, 10, 12, generator=generator(0))


def linear(images):
    return (images * TEMPLATE).sum(dim=(1, 2, 3))


def start(count=2):
    return torch.rand(count, 3, 10, 12, generator=generator(1)) * 0.2 + 0.4


def test_a_plain_step_has_the_given_length_along_the_gradient():
    first = start()
    images, values = gradient_ascent(linear, first, steps=1, rate=0.3)
    wanted = first + 0.3 * TEMPLATE / TEMPLATE.norm()
    torch.testing.assert_close(images, wanted)
    torch.testing.assert_close(values, linear(first)[None])


def test_many_steps_reach_the_optimum_of_a_linear_objective_and_values_rise():
    images, values = gradient_ascent(linear, start(), steps=100, rate=1.0)
    strong = TEMPLATE[0].abs() > 0.2
    for image in images:
        assert torch.equal(image[strong], (TEMPLATE[0] > 0).float()[strong])
    assert (values.diff(dim=0) >= -1e-4).all()


def test_each_regulariser_by_its_definition():
    first = start()
    step = first + 0.3 * TEMPLATE / TEMPLATE.norm()
    decayed, _ = gradient_ascent(linear, first, steps=1, rate=0.3, decay=0.25)
    torch.testing.assert_close(decayed, 0.5 + 0.75 * (step - 0.5))
    blurred, _ = gradient_ascent(linear, first, steps=1, rate=0.3, blur=1.0, blur_every=1)
    torch.testing.assert_close(blurred, gaussian_filter(step, 1.0))
    later, _ = gradient_ascent(linear, first, steps=1, rate=0.3, blur=1.0, blur_every=2)
    torch.testing.assert_close(later, step)

    clipped, _ = gradient_ascent(linear, first, steps=1, rate=0.3, clip_pixels=0.5)
    grey = (clipped == 0.5).all(dim=1)
    assert grey.flatten(1).float().mean(dim=1).tolist() == pytest.approx([0.5, 0.5])
    contrast = (step - 0.5).norm(dim=1)
    for i in range(2):
        assert contrast[i][grey[i]].max() < contrast[i][~grey[i]].min()
        torch.testing.assert_close(clipped[i][:, ~grey[i]], step[i][:, ~grey[i]])

    spared, _ = gradient_ascent(linear, first, steps=1, rate=0.3, clip_gradient=0.75)
    still = (spared == first).all(dim=1)
    assert still.flatten(1).float().mean(dim=1).tolist() == pytest.approx([0.75, 0.75])
    size = TEMPLATE[0].norm(dim=0)
    assert size[still[0]].max() < size[~still[0]].min()


def test_images_are_independent_and_the_start_is_kept():
    first = start()
    kept = first.clone()
    together, _ = gradient_ascent(lambda x: linear(x) ** 2, first, steps=5, blur=0.7, clip_gradient=0.3)
    alone, _ = gradient_ascent(lambda x: linear(x) ** 2, first[1:], steps=5, blur=0.7, clip_gradient=0.3)
    torch.testing.assert_close(together[1:], alone)
    assert torch.equal(first, kept)


def test_ascent_turns_bad_input_away():
    with pytest.raises(ValueError, match="decay must be at least 0 and below 1, not 1"):
        gradient_ascent(linear, start(), decay=1)
    with pytest.raises(ValueError, match="steps must be a finite number above 0"):
        gradient_ascent(linear, start(), steps=0)
    with pytest.raises(ValueError, match=r"one value for each image, shape \(2,\), not \(\)"):
        gradient_ascent(lambda x: x.sum(), start())


def test_total_variation_by_a_loop():
    images = torch.rand(2, 3, 4, 5, generator=generator(2), dtype=torch.float64)
    down = sum(abs(images[b, c, y + 1, x] - images[b, c, y, x])
               for b in range(2) for c in range(3) for y in range(3) for x in range(5))  # fmt: skip
    right = sum(abs(images[b, c, y, x + 1] - images[b, c, y, x])
                for b in range(2) for c in range(3) for y in range(4) for x in range(4))  # fmt: skip
    torch.testing.assert_close(total_variation(images), down / (2 * 3 * 3 * 5) + right / (2 * 3 * 4 * 4))


def test_inverting_what_lost_nothing_gives_the_image_back():
    image = torch.rand(1, 3, 6, 6, generator=generator(3))
    mix = torch.randn(108, 108, generator=generator(4)) / 10
    features = lambda x: x.flatten(1) @ mix  # noqa: E731 - invertible
    found, errors = invert(features, features(image), torch.full_like(image, 0.5), steps=800, rate=0.05, smoothness=0.0)
    assert errors[-1] < 1e-4 < errors[0]
    assert float((found - image).abs().mean()) < 0.05


def test_inverting_an_average_gives_a_flat_picture_of_that_average():
    image = torch.rand(1, 3, 6, 6, generator=generator(5))
    noise = torch.rand(1, 3, 6, 6, generator=generator(6))
    features = lambda x: x.mean(dim=(2, 3))  # noqa: E731
    found, _ = invert(features, features(image), noise, steps=300, rate=0.05, smoothness=0.5)
    torch.testing.assert_close(features(found), features(image), rtol=0, atol=0.02)
    assert total_variation(found) < 0.2 * total_variation(noise)
    assert 0 <= found.min() <= found.max() <= 1


def test_inversion_turns_other_shapes_away():
    with pytest.raises(ValueError, match=r"features give shape \(1, 3\), but target has \(1, 4\)"):
        invert(lambda x: x.mean(dim=(2, 3)), torch.zeros(1, 4), torch.rand(1, 3, 4, 4))


def strength(images):
    return images.diff(dim=3).square().mean(dim=(1, 2, 3))


def photo():
    return F.interpolate(torch.rand(1, 3, 8, 8, generator=generator(7)), size=(40, 48), mode="bilinear")


def test_dreaming_climbs_and_keeps_the_range():
    dreamt = deep_dream(strength, photo(), generator(0), octaves=3, steps=5)
    assert dreamt.shape == (1, 3, 40, 48)
    assert float(strength(dreamt)) > 2 * float(strength(photo()))
    assert 0 <= dreamt.min() <= dreamt.max() <= 1


def test_one_octave_without_jitter_is_gradient_ascent():
    length = 0.01 * 0.5 * (40 * 48) ** 0.5
    wanted, _ = gradient_ascent(strength, photo(), steps=6, rate=length)
    torch.testing.assert_close(
        deep_dream(strength, photo(), generator(0), octaves=1, steps=6, rate=0.5, jitter=0), wanted
    )


def test_octaves_are_as_many_and_as_large_as_they_should_be():
    sizes = []
    deep_dream(
        lambda x: sizes.append(tuple(x.shape[2:])) or strength(x), photo(), generator(0), octaves=3, scale=2.0, steps=2
    )
    assert sizes == [(10, 12)] * 2 + [(20, 24)] * 2 + [(40, 48)] * 2


def test_jitter_is_undone_after_each_step():
    """An objective that does not care for shifts gives the same picture with and without jitter."""
    still = deep_dream(wrapped, photo(), generator(0), octaves=2, steps=4, jitter=0)
    shaken = deep_dream(wrapped, photo(), generator(0), octaves=2, steps=4, jitter=7)
    torch.testing.assert_close(shaken, still, rtol=0, atol=1e-5)
    other = deep_dream(strength_of_the_left, photo(), generator(0), octaves=1, steps=4, jitter=7)
    assert not torch.allclose(
        other, deep_dream(strength_of_the_left, photo(), generator(0), octaves=1, steps=4, jitter=0)
    )


def wrapped(images):
    return (images - images.roll(1, dims=3)).square().mean(dim=(1, 2, 3))


def strength_of_the_left(images):
    return images[..., :8].diff(dim=3).square().mean(dim=(1, 2, 3))


def test_dreams_turn_bad_input_away():
    with pytest.raises(ValueError, match="scale must be above 1 and jitter at least 0, not 1 and 8"):
        deep_dream(strength, photo(), generator(0), scale=1)
