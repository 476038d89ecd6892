"""Flow finds known motion, equals a direct solver, and is at least as good as scikit-image's on exact scenes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
import torch
from matplotlib.colors import hsv_to_rgb
from scipy import ndimage
from skimage.registration import optical_flow_ilk, optical_flow_tvl1

from course_lib import flow, metrics
from course_lib.core.seeding import generator
from course_lib.data import photograph, scenes
from course_lib.ops import warp
from course_lib.ops.color import rgb_to_ycbcr

FACE = rgb_to_ycbcr(photograph("astronaut", 120).double()[None])[:, :1]

METHODS = [flow.lucas_kanade, flow.horn_schunck, flow.robust_flow]


def moved(shift, grow=0.0):
    """A pair of frames with the exact flow between them: a shift plus a growth around the centre."""
    y, x = torch.meshgrid(torch.arange(120.0), torch.arange(120.0), indexing="ij")
    exact = torch.stack([shift[0] + grow * (x - 60), shift[1] + grow * (y - 60)])[None].double()
    return warp.warp(FACE, exact), FACE, exact


@pytest.fixture(scope="module")
def pairs():
    clips = scenes.sample_clips(6, 2, 128, generator=generator(11))
    drawn = scenes.render(clips)
    grey = rgb_to_ycbcr(drawn.image)[:, :1]
    return grey[0::2], grey[1::2], scenes.flow(clips, drawn)[:, 0]


def test_warp_equals_scipy_inside(device, dtype, close):
    shift = torch.rand(1, 2, 120, 120, generator=generator(0), dtype=torch.float64) * 6 - 3
    ours = warp.warp(FACE.to(device, dtype), shift.to(device, dtype), "bilinear")[0, 0]
    y, x = np.mgrid[:120, :120]
    places = [y + shift[0, 1].numpy(), x + shift[0, 0].numpy()]
    close(ours, ndimage.map_coordinates(FACE[0, 0].numpy(), places, order=1, mode="nearest"), atol=1e-7)


def test_derivatives_are_exact_for_cubics(close):
    x = torch.arange(12, dtype=torch.float64) / 10
    picture = (2 * x[None] ** 3 - x[:, None] ** 2).expand(1, 1, 12, 12)
    dx, dy = flow.image_derivatives(picture)
    close(dx[0, 0, 2:-2, 2:-2], (0.6 * x[2:-2] ** 2).expand(8, 8))
    close(dy[0, 0, 2:-2, 2:-2], (-0.2 * x[2:-2, None]).expand(8, 8))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("shift", "grow"), [((0.4, -0.3), 0.0), ((4.0, 2.5), 0.0), ((-1.0, 2.0), 0.02)])
def test_finds_known_motion(method, shift, grow, device):
    first, second, exact = (x.to(device, torch.float32) for x in moved(shift, grow))
    found = method(first, second)
    assert found.device == first.device
    error = metrics.endpoint_error(found, exact)[:, 8:-8, 8:-8]
    assert float(error.mean()) < 0.12


@pytest.mark.parametrize("method", METHODS)
def test_equal_frames_stand_still_and_batches_are_independent(method, close):
    first, second, _ = moved((1.0, 0.5))
    assert float(method(first, first).abs().max()) < 1e-6
    both = method(torch.cat([first, second]), torch.cat([second, first]))
    close(both[:1], method(first, second), rtol=1e-5, atol=1e-7)


def test_structure_tensor_eigenvalues_equal_numpy(close):
    tensor = flow.structure_tensor(FACE, 1.5)
    large, small = flow.tensor_eigenvalues(tensor)
    a, b, c = tensor[0, :, 40, 50].tolist()
    wanted = np.linalg.eigvalsh([[a, b], [b, c]])
    close(torch.stack([small[0, 0, 40, 50], large[0, 0, 40, 50]]), wanted)
    assert float(small.min()) > -1e-12


def test_aperture_only_motion_across_stripes_is_found():
    x = torch.arange(64.0)

    def stripes(a):
        return (0.5 + 0.4 * torch.sin(0.35 * (x - a))).expand(1, 1, 64, 64)

    large, small = flow.tensor_eigenvalues(flow.structure_tensor(stripes(0)))
    assert float((small / large).abs().max()) < 1e-4
    inner = flow.lucas_kanade(stripes(0), stripes(2))[0, :, 16:48, 16:48]
    torch.testing.assert_close(inner[0], torch.full((32, 32), 2.0), rtol=0, atol=0.05)
    assert float(inner[1].abs().max()) < 0.05


def test_horn_schunck_converges_to_the_linear_systems_solution(close):
    """One level and one warp: the energy's minimum from scipy's sparse solver."""
    first, second = (x[:, :, 30:46, 40:58] for x in moved((0.6, -0.4))[:2])
    alpha, (h, w) = 0.05, first.shape[2:]
    found = flow.horn_schunck(first, second, alpha, levels=1, warps=1, steps=6000, median=1)
    dx, dy = (d[0, 0].numpy() for d in flow.image_derivatives((first + second) / 2))
    dt = (second - first)[0, 0].numpy()
    n = h * w
    index = np.arange(n).reshape(h, w)
    smooth = scipy.sparse.lil_matrix((n, n))
    for axis in (0, 1):
        for a, b in zip(np.delete(index, -1, axis).ravel(), np.delete(index, 0, axis).ravel(), strict=True):
            smooth[a, a] += 1
            smooth[b, b] += 1
            smooth[a, b] -= 1
            smooth[b, a] -= 1
    blocks = [[scipy.sparse.diags((p * q).ravel()) for q in (dx, dy)] for p in (dx, dy)]
    for i in (0, 1):
        blocks[i][i] = blocks[i][i] + alpha**2 * smooth
    right_side = -np.concatenate([(dx * dt).ravel(), (dy * dt).ravel()])
    wanted = scipy.sparse.linalg.spsolve(scipy.sparse.bmat(blocks).tocsc(), right_side)
    close(found[0].flatten(), wanted, rtol=1e-3, atol=1e-4)


def test_robust_flow_with_wide_penalties_is_horn_schunck(close):
    first, second, _ = moved((1.5, -0.8))
    wide = flow.robust_flow(first, second, 0.03, noise=1e6, slack=1e6, reweightings=2, steps=15)
    close(wide, flow.horn_schunck(first, second, 0.03, steps=30), rtol=1e-6, atol=1e-9)


def test_robust_flow_ends_where_the_slope_of_its_energy_is_zero():
    """One level and one warp: E written down directly has no derivative left at the answer, and autograd knows E'."""
    first, second = (x[:, :, 30:46, 40:58] for x in moved((0.6, -0.4))[:2])
    alpha, noise, slack = 0.05, 0.01, 0.1
    found = flow.robust_flow(
        first, second, alpha, noise=noise, slack=slack, levels=1, warps=1, reweightings=60, steps=30, median=1
    ).requires_grad_()
    rho = lambda square, w: 2 * w**2 * ((1 + square / w**2).sqrt() - 1)  # noqa: E731
    dx, dy = flow.image_derivatives((first + second) / 2)

    def energy(w):
        data = rho((dx * w[:, :1] + dy * w[:, 1:] + second - first).square(), noise).sum()
        links = [rho((w.narrow(d, 1, w.shape[d] - 1) - w.narrow(d, 0, w.shape[d] - 1)).square().sum(1), slack).sum()
                 for d in (2, 3)]  # fmt: skip
        return data + alpha**2 * sum(links)

    (slope,) = torch.autograd.grad(energy(found), found)
    still = torch.zeros_like(found).requires_grad_()
    (before,) = torch.autograd.grad(energy(still), still)
    assert float(slope.norm()) < 1e-3 * float(before.norm())


def test_robust_flow_is_at_least_as_good_as_scikit_images_tv_l1_on_exact_scenes(pairs):
    first, second, exact = pairs
    found = [np.stack(optical_flow_tvl1(a[0].numpy(), b[0].numpy())[::-1]) for a, b in zip(first, second, strict=True)]
    theirs = metrics.endpoint_error(torch.from_numpy(np.stack(found)).float(), exact)
    ours = metrics.endpoint_error(flow.robust_flow(first, second), exact)
    squares = metrics.endpoint_error(flow.horn_schunck(first, second), exact)
    assert float(ours.mean()) <= float(theirs.mean())
    assert float(ours.mean()) < float(squares.mean())


def test_at_least_as_good_as_scikit_images_ilk_on_exact_scenes(pairs):
    first, second, exact = pairs
    ours = float(metrics.endpoint_error(flow.lucas_kanade(first, second), exact).mean())
    for options in ({}, {"gaussian": True}, {"prefilter": True}):
        found = [np.stack(optical_flow_ilk(a[0].numpy(), b[0].numpy(), **options)[::-1])
                 for a, b in zip(first, second, strict=True)]  # fmt: skip
        theirs = float(metrics.endpoint_error(torch.from_numpy(np.stack(found)).float(), exact).mean())
        assert ours <= theirs
    still = float(metrics.endpoint_error(torch.zeros_like(exact), exact).mean())
    assert float(metrics.endpoint_error(flow.horn_schunck(first, second), exact).mean()) < 0.65 * still


def test_the_pyramid_is_what_finds_fast_motion():
    first, second, exact = moved((7.0, -4.0))
    errors = [float(metrics.endpoint_error(flow.lucas_kanade(first, second, levels=n), exact)[:, 12:-12, 12:-12].mean())
              for n in (1, None)]  # fmt: skip
    assert errors[1] < 0.15 < 1 < errors[0]


def test_gradient_flows_to_the_frames():
    first, second, _ = (x[:, :, 20:36, 20:36].clone().requires_grad_() for x in moved((0.3, 0.2)))
    for method in METHODS:
        grads = torch.autograd.grad(method(first, second).square().sum(), (first, second))
        assert all(bool(torch.isfinite(g).all() and (g != 0).any()) for g in grads)
    part = torch.rand(1, 2, 6, 6, generator=generator(1), dtype=torch.float64).requires_grad_()
    image = FACE[:, :, 30:36, 30:36].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda i, f: warp.warp(i, f, "bilinear"), (image, part))


def test_colours_are_those_of_the_hue_circle(close):
    angle = torch.linspace(-3, 3, 13, dtype=torch.float64)
    arrows = 0.7 * torch.stack([angle.cos(), angle.sin()])[None, :, None]
    hsv = np.stack([np.mod(angle.numpy() / (2 * math.pi), 1), np.full(13, 0.7), np.ones(13)], -1)
    close(flow.flow_to_color(arrows, 1.0)[0, :, 0].T, hsv_to_rgb(hsv), atol=1e-9)
    assert torch.equal(flow.flow_to_color(torch.zeros(1, 2, 3, 3)), torch.ones(1, 3, 3, 3))


def test_endpoint_error_is_the_distance_of_the_tips():
    a, b = torch.zeros(1, 2, 1, 2), torch.tensor([[3.0, 0], [4, -1]]).view(1, 2, 1, 2)
    assert metrics.endpoint_error(a, b).flatten().tolist() == [5, 1]


SMALL = torch.rand(1, 1, 16, 16)
BAD = {
    "colour": (lambda: flow.lucas_kanade(SMALL.expand(1, 3, 16, 16), SMALL), r"first .*shape \(B, 1, H, W\)"),
    "sizes": (lambda: flow.horn_schunck(SMALL, SMALL[..., :12]), r"second has W = 12 but first has W = 16"),
    "tiny": (lambda: flow.lucas_kanade(SMALL[..., :6], SMALL[..., :6]), r"at least 8 pixels a side, not \(16, 6\)"),
    "levels": (lambda: flow.horn_schunck(SMALL, SMALL, levels=0), r"levels must be an integer of at least 1, not 0"),
    "alpha": (lambda: flow.horn_schunck(SMALL, SMALL, 0.0), r"alpha must be a finite number above 0, not 0.0"),
    "noise": (lambda: flow.robust_flow(SMALL, SMALL, noise=-1.0), r"noise must be a finite number above 0, not -1.0"),
    "nan": (lambda: flow.lucas_kanade(SMALL * float("nan"), SMALL), r"first holds 256 NaN"),
    "warp": (lambda: warp.warp(SMALL, SMALL), r"flow must be .*\(B, 2, H, W\)"),
    "truth": (lambda: metrics.endpoint_error(SMALL, SMALL), r"flow must be .*\(B, 2, H, W\)"),
    "largest": (lambda: flow.flow_to_color(torch.ones(1, 2, 3, 3), 0.0), r"largest must be a finite number above 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        call()
