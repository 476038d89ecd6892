"""The renderer: same seed same bytes, edges that are true coverage, light and shadow where they belong."""

from dataclasses import fields, replace

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.scenes import (
    CLASSES,
    Difficulty,
    amodal_masks,
    held_out,
    render,
    sample_actions,
    sample_clips,
    sample_figures,
    sample_scenes,
)
from course_lib.data.scenes.render import shadow_offset
from course_lib.data.scenes.scene import to_image, to_local

from ...refusals import refused


def flat(scene):
    """White objects without texture, light or shadow on black."""
    return replace(
        scene, colour=torch.ones_like(scene.colour), texture_gain=0 * scene.texture_gain, shadow=0 * scene.shadow,
        ambient=torch.ones_like(scene.ambient), background=torch.full_like(scene.background, 2), tones=0 * scene.tones,
    )  # fmt: skip


def test_same_seed_same_bytes_and_other_seed_other_picture():
    first, second, other = (render(sample_scenes(6, generator=generator(s)), geometry=True) for s in (5, 5, 6))
    for name in ("image", "slots", "depth", "normals"):
        assert torch.equal(getattr(first, name), getattr(second, name))
    assert not torch.equal(first.image, other.image)


def test_clips_figures_and_actions_are_seeded_too():
    for sample in (sample_clips, sample_figures, sample_actions):
        one, two, other = (sample(2, size=32, generator=generator(s)) for s in (1, 1, 2))
        for field in fields(one):
            if isinstance(getattr(one, field.name), torch.Tensor):
                assert torch.equal(getattr(one, field.name), getattr(two, field.name)), field.name
        assert torch.equal(render(one).image, render(two).image)
        assert not torch.equal(one.centre, other.centre)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cpu_and_gpu_agree(scene, drawn):
    there = render(scene.to("cuda"), geometry=True)
    assert torch.allclose(there.image.cpu(), drawn.image, atol=1e-4)
    same = there.slots.cpu() == drawn.slots  # a pixel whose centre lies on an edge may fall to either side
    assert same.float().mean() > 0.9999
    assert torch.allclose(there.depth.cpu()[same], drawn.depth[same], atol=1e-3)


@pytest.mark.parametrize("size", [16, 64, (48, 128), 130])
def test_any_size_gives_float32_in_range(size):
    image = render(sample_scenes(5, size, generator=generator(0))).image
    height, width = (size, size) if isinstance(size, int) else size
    assert image.shape == (5, 3, height, width)
    assert image.dtype == torch.float32
    assert image.min() >= 0
    assert image.max() <= 1
    assert image.flatten(1).std(1).min() > 0.01  # none is empty


def test_a_batch_is_its_images(scene, drawn):
    alone = torch.cat([render(scene[i : i + 1]).image for i in range(6)])
    assert torch.allclose(alone, drawn.image[:6], atol=1e-5)


@pytest.mark.parametrize("name", CLASSES)
def test_edges_are_coverage(name):
    """Brightness of a white shape on black = the share of each pixel that it covers, by 12 x 12 samples."""
    scene = flat(sample_scenes(4, 48, generator=generator(1), objects=1, classes=(name,)))
    image = render(scene).image[:, 0]
    fine, samples = 12, 12 * 48
    big = replace(scene, height=samples, width=samples, centre=scene.centre * fine, radius=scene.radius * fine)
    coverage = torch.nn.functional.avg_pool2d((render(big, image=False).slots >= 0).float(), fine)
    assert (image - coverage).abs().max() < 0.3  # sharp tips
    assert (image - coverage).abs().mean() < 2e-3
    assert (image - coverage).mean().abs() < 1e-3


def test_shadows_darken_only_and_fall_away_from_the_light():
    scene = sample_scenes(20, 64, generator=generator(2), objects=1)
    lit, dark = render(replace(scene, shadow=0 * scene.shadow)), render(scene)
    loss = (lit.image - dark.image).mean(1)
    assert loss.min() > -1e-6
    ratio = (dark.image + 1e-6) / (lit.image + 1e-6)
    assert (ratio >= 1 - scene.shadow[:, None, None, None] - 1e-3).all()
    y, x = torch.meshgrid(torch.arange(64) + 0.5, torch.arange(64) + 0.5, indexing="ij")
    weight = loss / loss.sum((1, 2), keepdim=True)
    middle = torch.stack([(weight * x).sum((1, 2)), (weight * y).sum((1, 2))], 1)
    assert (((middle - scene.centre[:, 0]) * shadow_offset(scene)).sum(1) > 0).all()


def test_light_brightens_the_side_that_faces_it():
    scene = replace(flat(sample_scenes(30, 64, generator=generator(4), objects=1, classes=("disc",), difficulty=0.0)),
                    ambient=torch.zeros(30))  # fmt: skip
    image, inside = render(scene).image[:, 0], render(scene).slots == 0
    y, x = torch.meshgrid(torch.arange(64) + 0.5, torch.arange(64) + 0.5, indexing="ij")
    side = (x - scene.centre[:, 0, 0, None, None]) * scene.light[:, 0, None, None]
    side = side + (y - scene.centre[:, 0, 1, None, None]) * scene.light[:, 1, None, None]
    for i in range(30):
        assert image[i][inside[i] & (side[i] > 0)].mean() > image[i][inside[i] & (side[i] < 0)].mean() - 1e-3


def test_poses_are_undone(scene):
    points = torch.rand(24, 6, 50, 2, generator=generator(0)) * 64
    wobble = torch.rand(24, 6, 2, generator=generator(1)) * 0.3
    stretch = torch.rand(24, 6, 2, generator=generator(2)) * 0.3 + 0.7
    pose = (scene.centre, scene.angle, scene.radius.clamp(min=3), stretch, wobble)
    back = torch.stack(to_image(*to_local(*points.unbind(-1), pose), pose), -1)
    assert torch.allclose(back, points, atol=1e-4)


def test_held_out_combinations_are_never_trained_and_all_their_parts_are():
    scene = sample_scenes(4000, 16, generator=generator(0), objects=4)
    triple = torch.stack([scene.class_id, scene.colour_id, scene.texture_id], -1).flatten(0, 1)
    assert not held_out(*triple.unbind(-1)).any()
    for a, b, full in ((0, 1, 80), (0, 2, 90), (1, 2, 72)):
        assert len(triple[:, [a, b]].unique(dim=0)) == full
    hidden = sample_scenes(4000, 16, generator=generator(0), objects=4, split="heldout")
    others = torch.stack([hidden.class_id, hidden.colour_id, hidden.texture_id], -1).flatten(0, 1)
    assert held_out(*others.unbind(-1)).all()
    assert len(triple.unique(dim=0)) + len(others.unique(dim=0)) == 720
    assert len(others.unique(dim=0)) == pytest.approx(144, abs=8)


def test_sizes_and_places_are_as_asked():
    level = Difficulty(clutter=3, smallest=0.125, largest=0.6)
    scene = sample_scenes(2000, 64, generator=generator(0), difficulty=level)
    there = scene.present
    assert scene.radius[there].min() >= 4
    assert scene.radius[there].min() < 4.2
    assert 19 < scene.radius[there].max() <= 19.2
    assert set(there.sum(1).tolist()) == {1, 2, 3}
    low, high = scene.centre - scene.radius[..., None], scene.centre + scene.radius[..., None]
    assert low[there].min() >= -1e-4
    assert high[there].max() <= 64 + 1e-4
    assert (scene.light.norm(dim=1) - 1).abs().max() < 1e-6


def test_harder_is_more_crowded_hidden_and_pale():
    crowd, hidden, pale = [], [], []
    for level in (0.0, 0.5, 1.0):
        scene = sample_scenes(300, 64, generator=generator(0), difficulty=level)
        crowd.append(scene.present.sum(1).float().mean())
        whole = amodal_masks(scene)
        hidden.append((whole.sum(1) > 1).float().mean())
        pale.append((scene.colour - 0.5).abs().mean())
    assert crowd[0] < crowd[1] < crowd[2]
    assert hidden[0] < hidden[1] < hidden[2]
    assert pale[0] > pale[1] > pale[2]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (lambda: sample_scenes(0, generator=generator()), "at least one scene"),
        (lambda: sample_scenes(2, generator=generator(), objects=0), "1 to 40 objects"),
        (lambda: sample_scenes(2, generator=generator(), classes=("pentagon",)), "unknown class 'pentagon'"),
        (lambda: sample_scenes(2, generator=generator(), classes=()), "no class"),
        (lambda: sample_scenes(2, 8, generator=generator()), "at least 16 pixels"),
        (lambda: sample_scenes(2, generator=generator(), split="dev"), "split must be one of"),
        (lambda: sample_scenes(2, generator=generator(), difficulty=1.5), "difficulty must be"),
        (lambda: sample_scenes(2, generator=0), "must be a torch.Generator"),
        (lambda: sample_scenes(2, generator=generator(), device="cuda"), "draws on cpu"),
        (lambda: Difficulty(largest=1.2), "larger objects do not fit"),
        (lambda: Difficulty(clutter=0), "at least one object"),
        (lambda: Difficulty(occlusion=-0.1), "occlusion must be"),
    ],
)
def test_bad_requests_get_one_line(request_, words):
    refused(request_, words)


def test_a_batch_is_sliced_not_indexed(scene):
    assert len(scene[2:5]) == 3
    assert torch.equal(scene[torch.tensor([4, 1])].centre, scene.centre[[4, 1]])
    with pytest.raises(ValueError, match=r"scene\[3 : 4\]"):
        scene[3]


def test_the_description_is_documented_field_by_field():
    scene = sample_scenes(1, generator=generator())
    for field in fields(scene):
        assert f"{field.name}" in type(scene).__doc__
