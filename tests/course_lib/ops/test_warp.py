"""Warping by a matrix equals scikit-image and OpenCV once their way to count pixels is respected; gradients."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch
from skimage.transform import ProjectiveTransform
from skimage.transform import warp as skimage_warp

from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.ops.geometry.cameras import look_at, project_points
from course_lib.ops.warp import pixel_grid, warp, warp_perspective

MATRIX = torch.tensor([[0.9, 0.2, 3.0], [-0.1, 1.1, -2.0], [2e-3, -1e-3, 1.0]], dtype=torch.float64)
HALF = torch.tensor([[1.0, 0, 0.5], [0, 1, 0.5], [0, 0, 1]], dtype=torch.float64)


def picture() -> torch.Tensor:
    return photograph("astronaut", 40).double()[None, :, :, :36]  # (1, 3, 40, 36)


def counted_from_centres(matrix: torch.Tensor) -> np.ndarray:
    """The same map for those who call the centre of the first pixel (0, 0)."""
    return (HALF.inverse() @ matrix @ HALF).numpy()


@pytest.mark.parametrize("size", [None, (30, 50)])
@pytest.mark.parametrize("border", ["zeros", "border"])
def test_equals_scikit_image(device, dtype, close, border, size):
    image = picture()
    shape = size or (40, 36)
    edge = "constant" if border == "zeros" else "edge"
    theirs = skimage_warp(image[0].permute(1, 2, 0).numpy(), ProjectiveTransform(counted_from_centres(MATRIX)),
                          output_shape=shape, order=1, mode=edge)  # fmt: skip
    ours = warp_perspective(image.to(device, dtype), MATRIX[None].to(device, dtype), size, border=border)
    assert ours.shape == (1, 3, *shape)
    inner = (slice(2, -2), slice(2, -2))
    if border == "zeros":  # scikit-image cuts off between the last centre and black, we fade out over that pixel
        away = skimage_warp(np.ones((40, 36)), ProjectiveTransform(counted_from_centres(MATRIX)),
                            output_shape=shape, order=1, mode="constant") >= 1 - 1e-9  # fmt: skip
        assert away.mean() > 0.3
        close(ours[0].permute(1, 2, 0).cpu()[away], theirs[away], rtol=1e-9, atol=1e-9)
    else:
        close(ours[0].permute(1, 2, 0)[inner], theirs[inner], rtol=1e-9, atol=1e-9)


def test_equals_opencv_with_the_inverse_map():
    image = picture().float()
    theirs = cv2.warpPerspective(image[0].permute(1, 2, 0).contiguous().numpy(), counted_from_centres(MATRIX), (36, 40),
                                 flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)  # fmt: skip
    ours = warp_perspective(image, MATRIX[None].float())[0].permute(1, 2, 0)
    assert float((ours - torch.from_numpy(theirs)).abs().max()) < 0.03  # OpenCV may round places to 1/32 of a pixel


def test_a_shift_is_a_shift_and_the_identity_changes_nothing():
    image = picture()
    eye = torch.eye(3, dtype=torch.float64)[None]
    torch.testing.assert_close(warp_perspective(image, eye), image)
    eye[0, 0, 2], eye[0, 1, 2] = 5, -3
    moved = warp_perspective(image, eye)
    torch.testing.assert_close(moved[:, :, 3:, :-5], image[:, :, :-3, 5:])
    assert float(moved[:, :, :3].abs().max()) < 1e-12


def test_equals_the_flow_warp_for_the_same_places():
    image = picture()
    matrix = MATRIX.clone()
    matrix[2] = torch.tensor([0.0, 0.0, 1.0])
    centres = pixel_grid(40, 36, like=image)
    flow = (centres @ matrix[:2, :2].T + matrix[:2, 2] - centres).permute(2, 0, 1)[None]
    torch.testing.assert_close(
        warp_perspective(image, matrix[None], border="border", interpolation="bicubic"),
        warp(image, flow, interpolation="bicubic"),
    )


def test_a_quarter_turn_about_the_middle_is_rot90():
    image = picture()[..., :36, :]
    turn = torch.tensor([[0.0, -1, 36], [1, 0, 0], [0, 0, 1]], dtype=torch.float64)
    torch.testing.assert_close(warp_perspective(image, turn[None]), image.rot90(1, (2, 3)))


def test_the_view_of_a_plane_moves_as_the_cameras_say():
    """The course's cameras and this file share their pixels: a homography of a plane joins two projections."""
    eye = torch.tensor([0.3, -4.0, 2.0], dtype=torch.float64)
    camera = look_at(eye, torch.zeros(3, dtype=torch.float64), 40.0, height=40, width=36)
    to_picture = camera.intrinsics @ camera.pose[:, [0, 1, 3]]  # of points (x, y, 0)
    points = torch.randn(5, 2, generator=generator(0), dtype=torch.float64)
    wanted, _ = project_points(camera, torch.cat([points, torch.zeros(5, 1, dtype=torch.float64)], 1))
    homogeneous = torch.cat([points, torch.ones(5, 1, dtype=torch.float64)], 1) @ to_picture.T
    torch.testing.assert_close(homogeneous[:, :2] / homogeneous[:, 2:], wanted)


def test_behind_the_camera_there_is_nothing():
    horizon = torch.tensor([[[1.0, 0, 0], [0, 1, 0], [0, -0.1, 1]]], dtype=torch.float64)  # depth 0 at y = 10
    seen = warp_perspective(torch.ones(1, 1, 20, 20, dtype=torch.float64), horizon)
    assert not seen[:, :, 10:].any()
    assert seen[:, :, 0].any()


def test_gradients_reach_the_picture_and_the_matrix():
    image = torch.rand(2, 1, 5, 6, generator=generator(0), dtype=torch.float64, requires_grad=True)
    angle = torch.tensor([0.13, -0.21], dtype=torch.float64, requires_grad=True)

    def turned(picture: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
        zero, one = torch.zeros_like(angle), torch.ones_like(angle)
        matrix = torch.stack([angle.cos(), -angle.sin(), zero, angle.sin(), angle.cos(), zero, zero, zero, one], -1)
        return warp_perspective(picture, matrix.view(-1, 3, 3), border="border")

    assert torch.autograd.gradcheck(turned, (image, angle))


def test_descent_on_the_angle_finds_the_turn():
    image = photograph("camera", 48).double()[None]
    angle = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)

    def turned(angle: torch.Tensor) -> torch.Tensor:
        c, s, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
        rows = [torch.stack([c, -s, 24 - 24 * c + 24 * s]), torch.stack([s, c, 24 - 24 * s - 24 * c]),
                torch.stack([zero, zero, zero + 1])]  # fmt: skip
        return warp_perspective(image, torch.stack(rows)[None], border="border")

    target = turned(torch.tensor(math.radians(6), dtype=torch.float64))
    optimiser = torch.optim.Adam([angle], 0.01)
    for _ in range(60):
        optimiser.zero_grad()
        (turned(angle) - target).square().mean().backward()
        optimiser.step()
    assert math.degrees(float(angle.detach())) == pytest.approx(6, abs=0.3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: warp_perspective(torch.zeros(1, 1, 4, 4), torch.eye(3)), "matrix must be a floating-point tensor"),
        (lambda: warp_perspective(torch.zeros(2, 1, 4, 4), torch.eye(3)[None]), "matrix has B = 1 but image has B = 2"),
        (lambda: warp_perspective(torch.zeros(1, 1, 4, 4), torch.eye(3)[None], border="edge"), "not 'edge'"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
