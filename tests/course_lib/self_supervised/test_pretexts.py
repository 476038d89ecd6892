"""Puzzles and restorations: tiles, orders, blocks, colours, transformations."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.ops.color import rgb_to_lab
from course_lib.self_supervised import aet, colourisation
from course_lib.self_supervised.context_encoder import ContextEncoder, random_blocks
from course_lib.self_supervised.decode import MapDecoder
from course_lib.self_supervised.encoder import SmallEncoder
from course_lib.self_supervised.grid import chromatic_aberration, drop_colours, grey_tiles, nine_tiles
from course_lib.self_supervised.jigsaw import Jigsaw, hamming_distances, permutation_set
from course_lib.self_supervised.relative_position import NEIGHBOURS, RelativePosition


def small():
    torch.manual_seed(0)
    return SmallEncoder((4, 6, 6, 8))


def pictures(n=4, side=32):
    return torch.rand(n, 3, side, side, generator=generator(0))


def test_tiles_lie_inside_their_cells():
    x = torch.arange(48.0).view(1, 1, 48, 1) * 48 + torch.arange(48.0).view(1, 1, 1, 48)
    tiles = nine_tiles(x.expand(50, 3, -1, -1), generator(0), cell=16, tile=12)
    rows, columns = (tiles[:, :, 0] // 48), tiles[:, :, 0] % 48
    for k in range(9):
        r, c = divmod(k, 3)
        assert 16 * r <= rows[:, k].min() <= rows[:, k].max() < 16 * (r + 1)
        assert 16 * c <= columns[:, k].min() <= columns[:, k].max() < 16 * (c + 1)
    assert {int(v) for v in rows[:, 0, 0, 0]} == set(range(5))  # each shift occurs
    assert torch.equal(columns[:, :, 0].diff(dim=2), torch.ones(50, 9, 11))  # neighbours stay neighbours
    middle = nine_tiles(x.expand(1, 3, -1, -1), generator(0), shift=False)
    assert float(middle[0, 0, 0, 0, 0]) == 2 * 48 + 2


def test_a_lens_moves_red_out_and_blue_in_and_leaves_green():
    x = torch.zeros(1, 3, 41, 41)
    x[:, :, 20, 30:31] = 1.0
    seen = chromatic_aberration(x, 0.1)
    at = [float((seen[0, c, 20] * torch.arange(41)).sum() / seen[0, c, 20].sum()) for c in range(3)]
    assert abs(at[0] - 31) < 0.2
    assert abs(at[1] - 30) < 1e-4
    assert abs(at[2] - 29) < 0.2
    assert torch.allclose(chromatic_aberration(x, 0.0), x, atol=1e-4)


def test_dropped_tiles_keep_one_channel_each_and_all_in_turn():
    tiles = pictures(60, 4).view(20, 3, 3, 4, 4)
    kept = (drop_colours(tiles, generator(1)) == tiles).flatten(3).all(3)
    assert (kept.sum(2) == 1).all()
    assert (kept.sum((0, 1)) > 8).all()
    grey = grey_tiles(tiles)
    assert torch.equal(grey[:, :, 0], grey[:, :, 2])


def test_each_neighbour_is_asked_for_its_own_place():
    assert tuple(k for k in range(9) if k != 4) == NEIGHBOURS
    model, tiles = RelativePosition(small(), 16), torch.rand(5, 9, 3, 12, 12, generator=generator(0))
    model.eval()
    logits = model(tiles)
    f = model.encoder(tiles.flatten(0, 1)).view(5, 9, -1)
    for k, place in enumerate(NEIGHBOURS):
        assert torch.allclose(logits[:, k], model.head(torch.cat([f[:, 4], f[:, place]], 1)), atol=1e-5)
    wanted = torch.stack([F.cross_entropy(logits[:, k], torch.full((5,), k)) for k in range(8)]).mean()
    assert torch.allclose(model.loss(tiles), wanted, atol=1e-6)


def test_orders_are_different_and_farther_apart_than_random_ones():
    chosen = permutation_set(32, generator(0))
    assert torch.equal(chosen.sort(1).values, torch.arange(9).expand(32, 9))
    off = ~torch.eye(32, dtype=torch.bool)
    distances = hamming_distances(chosen)[off]
    drawn = torch.stack([torch.randperm(9, generator=generator(k)) for k in range(32)])
    assert int(distances.min()) > int(hamming_distances(drawn)[off].min())
    assert float(distances.float().mean()) > float(hamming_distances(drawn)[off].float().mean())
    nine = hamming_distances(permutation_set(9, generator(0)))
    assert (nine[~torch.eye(9, dtype=torch.bool)] == 9).all()  # the largest distance there is


def test_each_order_is_the_best_that_could_be_added():
    chosen = permutation_set(5, generator(3), tiles=4)
    every = torch.cartesian_prod(*[torch.arange(4)] * 4)
    every = every[every.sort(1).values.eq(torch.arange(4)).all(1)]
    for k in range(1, 5):
        distances = (every[:, None] != chosen[None, :k]).sum(2)  # of all 24 orders to those chosen before
        mine = (chosen[k] != chosen[:k]).sum(1)
        assert int(mine.min()) == int(distances.min(1).values.max())
        assert int(mine.sum()) == int(distances.sum(1)[distances.min(1).values == mine.min()].max())


def test_shuffled_tiles_show_what_the_order_says():
    orders = permutation_set(6, generator(0))
    model = Jigsaw(small(), orders, 16)
    tiles = torch.arange(9.0).view(1, 9, 1, 1, 1).expand(3, 9, 3, 12, 12)
    labels = torch.tensor([4, 0, 5])
    assert torch.equal(model.shuffle(tiles, labels)[:, :, 0, 0, 0].long(), orders[labels])


def test_blocks_are_squares_inside_and_everywhere():
    masks = random_blocks(pictures(3000), generator(0), side=16)
    assert (masks.flatten(1).sum(1) == 256).all()
    rows, columns = masks.any(3).sum((1, 2)), masks.any(2).sum((1, 2))
    assert (rows == 16).all()
    assert (columns == 16).all()
    assert masks.any(0).all()


def test_what_is_hidden_cannot_be_seen_and_counts_alone():
    model, x = ContextEncoder(small(), torch.tensor([0.5, 0.4, 0.3])).eval(), pictures()
    masks = random_blocks(x, generator(0))
    changed = torch.where(masks, torch.rand(x.shape, generator=generator(9)), x)
    assert torch.equal(model(x, masks), model(changed, masks))
    painted = model(x, masks)
    share = F.avg_pool2d(masks.float(), 2).expand_as(painted)
    wanted = (share * (painted - F.avg_pool2d(x, 2)).square()).sum() / share.sum()
    assert torch.allclose(model.loss(x, masks), wanted, atol=1e-6)


def test_the_decoder_has_four_times_the_sides():
    assert MapDecoder(8, 5, (6, 4))(torch.rand(2, 8, 3, 2)).shape == (2, 5, 12, 8)


def test_bins_are_the_nearest_centres_and_grey_is_in_the_middle():
    ab = 60 * torch.randn(2, 2, 5, 5, generator=generator(0))
    centres = colourisation.bin_centres(ab)
    distance = torch.cdist(ab.permute(0, 2, 3, 1).reshape(-1, 2), centres)
    assert torch.equal(colourisation.colour_bins(ab).flatten(), distance.argmin(1))
    assert int(colourisation.colour_bins(torch.zeros(1, 2, 1, 1))) == 24


def test_the_annealed_mean_runs_from_the_mean_to_the_likeliest():
    logits = torch.zeros(1, 49, 1, 1)
    logits[0, 0], logits[0, 48] = 6.0, 5.0
    centres = colourisation.bin_centres(logits)
    mean = (logits.softmax(1)[0, :, 0, 0, None] * centres).sum(0)
    assert torch.allclose(colourisation.annealed_mean(logits, 1.0).flatten(), mean, atol=1e-4)
    assert torch.allclose(colourisation.annealed_mean(logits, 0.02).flatten(), centres[0], atol=1e-3)


def test_the_colour_s_encoder_sees_brightness_alone_and_paint_keeps_it():
    x = pictures(2, 16)
    grey = colourisation.brightness(x)
    assert torch.equal(grey[:, 0], grey[:, 2])
    assert torch.allclose(100 * grey[:, :1], rgb_to_lab(x)[:, :1])
    model = colourisation.Colourisation(small()).eval()
    painted = model.paint(0.4 + 0.2 * x)
    assert torch.allclose(rgb_to_lab(painted)[:, 0], rgb_to_lab(0.4 + 0.2 * x)[:, 0], atol=3.0)


def test_affine_numbers_are_rotation_shear_scale_and_shift():
    g = generator(0)
    m = aet.random_affine(2000, g)
    theta = aet.parameters(m)
    assert torch.allclose(theta.view(-1, 2, 3), m[:, :2] - torch.eye(3)[:2])
    factor = (m[:, 0, 0].square() + m[:, 1, 0].square()).sqrt()
    angle = torch.atan2(m[:, 1, 0], m[:, 0, 0]).rad2deg()
    assert 0.7 <= float(factor.min()) < 0.72
    assert 1.28 < float(factor.max()) <= 1.3
    assert float(angle.min()) < -85
    assert 85 < float(angle.max()) <= 90.001
    assert 0.39 < float(m[:, :2, 2].abs().max()) <= 0.4
    slope = (m[:, 0, 0] * m[:, 0, 1] + m[:, 1, 0] * m[:, 1, 1]) / factor.square()
    assert 0.35 < float(slope.abs().max()) <= math.tan(math.radians(20)) + 1e-5
    assert torch.allclose(torch.linalg.det(m[:, :2, :2]), factor.square(), atol=1e-4)


def test_a_homography_sends_the_corners_where_they_shall_go():
    m = aet.random_projective(50, generator(0), corner=0.25)
    theta = aet.parameters(m, "projective")
    assert 0.45 < float(theta.abs().max()) <= 0.5001
    corners = torch.tensor(aet.CORNERS)
    again = aet.homography(corners + theta.view(-1, 4, 2))
    assert torch.allclose(again, m, atol=1e-3)


def test_transform_moves_pictures_as_torch_does_and_back():
    x, m = pictures(3), aet.random_affine(3, generator(1))
    grid = F.affine_grid(m[:, :2], list(x.shape), align_corners=False)
    wanted = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    assert torch.allclose(aet.transform(x, m), wanted, atol=1e-5)
    identity = torch.eye(3).expand(3, 3, 3)
    assert torch.allclose(aet.transform(x, identity), x, atol=1e-5)


def test_a_constant_guess_of_the_transformation_costs_one():
    model = aet.AET(small())
    theta = aet.parameters(model.draw(4000, generator(7))) / model.spread
    assert math.isclose(float((theta - theta.mean(0)).square().mean()), 1, abs_tol=0.03)
    model = aet.AET(small(), "projective")
    assert model(pictures(), pictures()).shape == (4, 8)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nine_tiles(pictures(), generator(0), cell=8, tile=9), "tile"),
        (lambda: nine_tiles(torch.rand(1, 3, 8, 9), generator(0)), "S"),
        (lambda: chromatic_aberration(pictures(), 1.0), "amount"),
        (lambda: drop_colours(pictures(), generator(0), noise=-1), "noise"),
        (lambda: permutation_set(7, generator(0), tiles=3), "at most 6"),
        (lambda: permutation_set(2, generator(0), tiles=10), "at most 9"),
        (lambda: random_blocks(pictures(), generator(0), side=33), "side"),
        (lambda: aet.random_projective(2, generator(0), corner=0.5), "corner"),
        (lambda: aet.parameters(torch.eye(3)[None], "rigid"), "kind"),
        (lambda: aet.AET(small(), "rigid"), "kind"),
        (lambda: colourisation.annealed_mean(torch.zeros(1, 48, 2, 2)), "49"),
        (lambda: RelativePosition(small())(torch.rand(2, 8, 3, 12, 12)), "tiles"),
    ],
)
def test_bad_input_is_refused_in_one_line(call, words):
    with pytest.raises(ValueError, match=words) as error:
        call()
    assert "\n" not in str(error.value)
