"""Light fields: parallax is exact, refocusing of a single plane is a box filter, and depth comes back."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.geometry3d import light_field as lf
from course_lib.ops.filters import box_filter


def plane(disparity, device="cpu", dtype=torch.float64, size=48):
    picture = torch.rand(3, size, size + 8, generator=generator(3), dtype=torch.float64).to(device, dtype)
    return lf.Layer(picture, torch.ones_like(picture[:1]), disparity)


def scene():
    """A photograph behind a disc that carries another photograph."""
    back = photograph("gravel", 64)[:, :, :64].double()
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    disc = ((y - 32) ** 2 + (x - 30) ** 2 < 18**2).double()[None]
    return [
        lf.Layer(back, torch.ones_like(back[:1]), 0.5),
        lf.Layer(photograph("brick", 64)[:, :, :64].double(), disc, 2.0),
    ]


def test_whole_disparities_move_pixels_exactly(device, dtype, close):
    layer = plane(2.0, device, dtype)
    cameras = lf.camera_grid(3)
    views, depth = lf.render_layers([layer], cameras)
    for (u, v), view in zip(cameras.long().tolist(), views, strict=True):
        wanted = torch.roll(layer.picture, (-2 * v, -2 * u), (1, 2))
        close(view[:, 4:-4, 4:-4], wanted[:, 4:-4, 4:-4], atol=1e-9)
    close(depth, torch.full((48, 56), 2.0))


def test_half_pixels_are_linear_interpolation(device, dtype, close):
    picture = plane(0.0, device, dtype).picture[None]
    moved = lf.shift(picture, torch.tensor([[0.25, -0.5]], device=device))
    across = 0.75 * picture + 0.25 * picture.roll(1, 3)
    wanted = 0.5 * across + 0.5 * across.roll(-1, 2)
    close(moved[..., 2:-2, 2:-2], wanted[..., 2:-2, 2:-2], atol=1e-9)


def test_focused_on_its_disparity_a_plane_is_sharp_and_one_pixel_off_it_is_a_box_filter(device, dtype, close):
    layer, cameras = plane(1.0, device, dtype), lf.camera_grid(5).to(device, dtype)
    views, _ = lf.render_layers([layer], cameras)
    inner = (slice(None), slice(8, -8), slice(8, -8))
    close(lf.refocus(views, cameras, 1.0)[inner], layer.picture[inner], atol=1e-9)
    for focus in (0.0, 2.0):
        close(lf.refocus(views, cameras, focus)[inner], box_filter(layer.picture[None], 5)[0][inner], atol=1e-9)


def test_what_is_in_front_hides_what_is_behind():
    back, front = plane(0.0), plane(3.0)
    hole = torch.zeros_like(front.alpha)
    hole[:, 10:20, 10:20] = 1
    red = torch.zeros_like(front.picture)
    red[0] = 1
    views, depth = lf.render_layers([back, lf.Layer(red, hole, 3.0)], torch.tensor([[0.0, 0], [1, 0]]))
    torch.testing.assert_close(views[0][:, 10:20, 10:20], red[:, 10:20, 10:20])
    torch.testing.assert_close(views[1][:, 10:20, 7:17], red[:, 10:20, 7:17])
    torch.testing.assert_close(views[1][:, 10:20, 17:20], back.picture[:, 10:20, 17:20])
    assert float(depth[15, 15]) == 3
    assert float(depth[5, 5]) == 0


def test_depth_comes_back_from_single_pixels_with_many_cameras_only():
    cameras = lf.camera_grid(7)
    views, truth = lf.render_layers(scene(), cameras)
    candidates = torch.arange(0.0, 2.75, 0.25, dtype=torch.float64)
    error = {}
    inner = torch.zeros(64, 64, dtype=torch.bool)
    inner[6:-6, 6:-6] = True
    rim = inner & (truth < 1) & (box_filter((truth > 1).double()[None, None], 5)[0, 0] > 0)
    pair = (cameras[:, 1] == 0) & (cameras[:, 0].abs() <= 1) & (cameras[:, 0] != -1)
    for name, chosen, keep in (("all", slice(None), 1.0), ("half", slice(None), 0.5), ("two", pair, 1.0)):
        costs = lf.disagreement(views[chosen], cameras[chosen], candidates, keep=keep)
        found = lf.best_disparity(costs, candidates, window=1)
        bad = (found - truth).abs() > 0.3
        error[name], error[name, "rim"] = (float(bad[part].double().mean()) for part in (inner, rim))
    assert error["all"] < 0.08
    assert error["half", "rim"] < 0.6 * error["all", "rim"], "hidden views spoil the mean and not the best half"
    assert error["two"] > 0.3, "single pixels of two pictures agree by chance"


@pytest.mark.parametrize("disparity", [-0.5, 0.3, 0.8])
def test_the_slope_of_an_epipolar_line_is_the_disparity(disparity):
    u = torch.arange(-4, 5, dtype=torch.float64)[:, None]
    x = torch.arange(80, dtype=torch.float64)
    slice_ = torch.sin(0.2 * (x + disparity * u)) + 0.5 * torch.sin(0.11 * (x + disparity * u) + 1)
    found = lf.epipolar_slope(slice_)[4, 5:-5]
    torch.testing.assert_close(found, torch.full_like(found, disparity), rtol=0, atol=0.02)
    assert lf.epipolar_slope(torch.ones(9, 20)).isnan().all()


def test_gradients_reach_the_pictures():
    picture = torch.rand(1, 1, 4, 5, generator=generator(0), dtype=torch.float64, requires_grad=True)
    offset = torch.tensor([[0.3, 0.2]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda p: lf.shift(p, offset), picture)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lf.camera_grid(4), "n must be odd"),
        (lambda: lf.shift(torch.zeros(2, 1, 4, 4), torch.zeros(3, 2)), "must be equal"),
        (lambda: lf.render_layers([], torch.zeros(1, 2)), "background of opacity 1"),
        (
            lambda: lf.render_layers([lf.Layer(torch.zeros(3, 4, 4), torch.zeros(1, 4, 4), 0)], torch.zeros(1, 2)),
            "opacity 1",
        ),
        (lambda: lf.refocus(torch.zeros(3, 4, 4), torch.zeros(1, 2), 0.0), r"shape \(N, C, H, W\)"),
        (lambda: lf.disagreement(torch.zeros(1, 1, 4, 4), torch.zeros(1, 2), torch.zeros(2)), "at least 2"),
        (lambda: lf.disagreement(torch.zeros(2, 1, 4, 4), torch.ones(2, 2), torch.zeros(2)), r"camera at \(0, 0\)"),
        (lambda: lf.disagreement(torch.zeros(9, 1, 4, 4), lf.camera_grid(3), torch.zeros(2), keep=0), "keep must lie"),
        (lambda: lf.best_disparity(torch.zeros(2, 4, 4), torch.zeros(3)), "must be equal"),
        (lambda: lf.epipolar_slope(torch.zeros(2, 9)), "at least 3 x 3"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
