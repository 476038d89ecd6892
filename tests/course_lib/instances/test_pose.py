"""The losses are what the docstring says, stages refine, and a few steps on one picture find its points."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.scenes import keypoints, sample_figures
from course_lib.data.scenes.render import render
from course_lib.detection.neck import FeaturePyramid
from course_lib.instances.affinity import affinity_fields, heat_maps
from course_lib.instances.grouping import strongest_points
from course_lib.instances.pose import CoordinateNet, PoseNet
from course_lib.networks.backbones.scene_encoder import Pyramid, SceneEncoder

from ..refusals import refused


def pictures(count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    scene = sample_figures(count, 64, generator=generator(4), figures=1)
    return render(scene).image, keypoints(scene)


def net(**options) -> PoseNet:
    torch.manual_seed(0)
    return PoseNet(FeaturePyramid(SceneEncoder(), 16, (2,)), 16, **options)


def test_loss_is_the_squared_error_of_every_stage():
    images, points = pictures()
    model = net().eval()
    maps, fields = heat_maps(points, (64, 64)), affinity_fields(points, (64, 64))
    expected = 0.0
    for answer in model(images):
        said = model.split(answer)
        error = (said[0] - maps).square().sum() + (said[1] - fields).square().sum()
        expected += float(error.detach()) / (2 * 37)
    assert model.loss(images, points).item() == pytest.approx(expected, rel=1e-4)


def test_the_second_stage_reads_the_first():
    images, _ = pictures()
    model = net().eval()
    before = model(images)
    with torch.no_grad():
        model.stages[0][-1].bias += 1.0
    after = model(images)
    torch.testing.assert_close(after[0], before[0] + 1)
    assert (after[1] - before[1]).abs().max() > 1e-3


class Learned(Pyramid):
    """Maps that see no picture: a network on them can only learn one answer, but that exactly."""

    widths, strides = (16, 8, 8), [2, 16, 32]

    def __init__(self):
        super().__init__()
        stream = generator(1)
        sides = [64 // stride for stride in self.strides]
        self.maps = torch.nn.ParameterList(torch.randn(1, width, side, side, generator=stream)
                                           for width, side in zip(self.widths, sides, strict=True))  # fmt: skip

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        return list(self.maps)


@pytest.mark.parametrize("name", ["heat maps", "coordinates"])
def test_what_the_loss_asks_for_are_the_points(name):
    images, points = pictures(1)
    torch.manual_seed(0)
    model = PoseNet(Learned(), 16, fields=False) if name == "heat maps" else CoordinateNet(Learned())
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(100):
        optimiser.zero_grad()
        model.loss(images, points).backward()
        optimiser.step()
    said = model(images)
    found = strongest_points(said[-1].detach())[..., :2] if name == "heat maps" else said.detach()
    there = points[:, 0, :, 2] > 0
    assert float((found - points[:, 0, :, :2]).norm(dim=-1)[there].median()) < 1.0


def test_points_that_are_not_there_cost_coordinates_nothing():
    images, points = pictures()
    model = CoordinateNet(SceneEncoder()).eval()
    hidden = points.clone()
    hidden[0, 0, 3] = 0.0
    wild = hidden.clone()
    wild[0, 0, 3, :2] = 1e3
    assert model.loss(images, hidden).item() == model.loss(images, wild).item()
    assert model.loss(images, points).item() != model.loss(images, hidden).item()


def test_bad_input_is_refused():
    refused(lambda: PoseNet(SceneEncoder(), stages=0), "stages must be")
    refused(lambda: CoordinateNet(SceneEncoder())(torch.zeros(1, 3, 96, 96)), "sides of 64")
    refused(lambda: net().loss(torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 12, 3)), "points must be")
