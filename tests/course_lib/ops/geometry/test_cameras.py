"""The one camera: projection and rays undo each other, look_at points where it says, batches equal single cameras."""

from __future__ import annotations

import cv2
import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.ops.geometry.cameras import Cameras, camera_rays, look_at, look_at_pose, pinhole, project_points

EYE, TARGET = torch.tensor([2.5, -3.0, 1.7]).double(), torch.tensor([0.1, 0.2, -0.3]).double()


def many(count: int = 5) -> Cameras:
    eyes = torch.randn(count, 3, generator=generator(1), dtype=torch.float64) + EYE
    return look_at(eyes, TARGET.expand(count, 3), 40.0, height=24, width=30)


def test_projection_equals_opencv():
    camera = look_at(EYE, TARGET, 50.0, height=24, width=30)
    points = torch.randn(20, 3, generator=generator(0), dtype=torch.float64)
    turn, _ = cv2.Rodrigues(camera.rotation.numpy())
    theirs, _ = cv2.projectPoints(points.numpy(), turn, camera.pose[:, 3].numpy(), camera.intrinsics.numpy(), None)
    pixels, depth = project_points(camera, points)
    torch.testing.assert_close(pixels, torch.from_numpy(theirs)[:, 0], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(depth, (points - camera.position) @ camera.rotation[2])


def test_a_point_on_a_ray_comes_back_to_its_pixel_and_depth():
    cameras = many()
    places = torch.rand(7, 2, generator=generator(2), dtype=torch.float64) * 24
    depth = torch.rand(5, 7, generator=generator(3), dtype=torch.float64) + 0.5
    origins, directions = camera_rays(cameras, places)
    pixels, back = project_points(cameras, origins + depth[..., None] * directions)
    torch.testing.assert_close(pixels, places.expand(5, 7, 2))
    torch.testing.assert_close(back, depth)


def test_many_cameras_equal_one_at_a_time():
    cameras, points = many(), torch.randn(5, 6, 3, generator=generator(4), dtype=torch.float64)
    pixels, depth = project_points(cameras, points)
    origins, directions = camera_rays(cameras)
    assert directions.shape == (5, 24 * 30, 3)
    for n in range(5):
        one = Cameras(cameras.pose[n], cameras.intrinsics[n], 24, 30)
        alone = project_points(one, points[n])
        torch.testing.assert_close((pixels[n], depth[n]), alone)
        torch.testing.assert_close((origins[n], directions[n]), camera_rays(one))


def test_the_middle_of_the_picture_shows_the_target_and_up_is_up():
    camera = look_at(EYE, TARGET, 50.0, height=24, width=30, up=torch.tensor([0.0, 1.0, 0.0]))
    (middle, above), _ = project_points(camera, torch.stack([TARGET, TARGET + torch.tensor([0, 0.1, 0]).double()]))
    torch.testing.assert_close(middle, torch.tensor([15.0, 12.0]).double())
    assert above[1] < 12
    assert above[0] == pytest.approx(15.0)


def test_default_pixels_are_centres_row_after_row():
    camera = pinhole(torch.eye(3, 4), 10.0, 2, width=3)
    _, directions = camera_rays(camera)
    assert directions[:, 0].tolist() == pytest.approx([-0.1, 0.0, 0.1] * 2)
    assert directions[:, 1].tolist() == pytest.approx([-0.05] * 3 + [0.05] * 3)


def test_gradients():
    eye, points = EYE.clone().requires_grad_(), torch.randn(4, 3, generator=generator(5), dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda e, p: project_points(look_at(e, TARGET, 20.0, height=8, width=8), p), (eye, points.requires_grad_())
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: look_at_pose(torch.tensor([0.0, 0, 4]), torch.zeros(3)), "do not lie along up"),
        (lambda: look_at_pose(torch.ones(3), torch.ones(3)), "eye and target that differ"),
        (lambda: look_at(torch.ones(2), torch.zeros(3), 9.0, height=8, width=8), "eye must be"),
        (lambda: look_at(torch.ones(3), torch.zeros(3), -9.0, height=8, width=8), "focal must be"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
