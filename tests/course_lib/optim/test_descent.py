"""Descent: where it converges, where it diverges, what momentum adds, and what a search without gradients costs."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.core.seeding import generator
from course_lib.optim import gradient_descent, local_search
from course_lib.optim.surfaces import banana, bowl, saddle, two_valleys


def test_follows_the_formula_step_by_step(device, dtype, close):
    curvature = torch.tensor([1.0, 4.0], device=device, dtype=dtype)
    path = gradient_descent(lambda x: bowl(x, curvature), torch.ones(2, device=device, dtype=dtype), 0.1, steps=20)
    wanted = torch.stack([(1 - 0.1 * curvature.cpu()) ** n for n in range(21)])
    assert path.shape == (21, 2)
    assert not path.requires_grad
    close(path, wanted, rtol=1e-12)


@given(
    curvatures=st.lists(st.floats(0.1, 100), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
    share=st.sampled_from([0.05, 0.5, 0.95]),
)
def test_converges_below_two_over_the_largest_curvature_and_diverges_above(curvatures, seed, share):
    c = torch.tensor(curvatures, dtype=torch.float64)
    start = torch.sign(torch.randn(len(c), generator=generator(seed), dtype=torch.float64))
    limit = 2 / float(c.max())

    def last(rate: float) -> float:
        steepest = gradient_descent(lambda x: bowl(x, c), start, rate, steps=400)[:, c.argmax()].abs()
        return float(steepest[-1])

    assert last(share * limit) < 1e-8
    assert last(1.05 * limit) > 1e6


def test_at_exactly_two_over_l_it_bounces_for_ever():
    path = gradient_descent(lambda x: bowl(x, 4.0), torch.ones(1, dtype=torch.float64), 0.5, steps=7)
    assert path[:, 0].tolist() == [1, -1, 1, -1, 1, -1, 1, -1]


@pytest.mark.parametrize("condition", [10.0, 100.0])
def test_ill_conditioning_makes_descent_slow_and_momentum_mends_it(condition):
    """Steps to the bottom grow like the condition number; with the best momentum like its square root."""
    c = torch.tensor([1.0, condition], dtype=torch.float64)
    start = torch.ones(2, dtype=torch.float64)

    def steps_needed(rate: float, momentum: float) -> int:
        heights = bowl(gradient_descent(lambda x: bowl(x, c), start, rate, steps=3000, momentum=momentum), c)
        return int((heights < 1e-10).nonzero()[0, 0])

    plain = steps_needed(2 / (1 + condition), 0.0)
    root = condition**0.5
    heavy = steps_needed(4 / (1 + root) ** 2, ((root - 1) / (root + 1)) ** 2)
    assert plain > 0.4 * condition * 5
    assert heavy < 2.5 * plain / root


def test_momentum_escapes_the_shallow_valley_where_plain_descent_stays(device, dtype):
    start = torch.tensor([-1.8], device=device, dtype=dtype)
    plain = gradient_descent(two_valleys, start, rate=0.05, steps=400)
    heavy = gradient_descent(two_valleys, start, rate=0.05, steps=400, momentum=0.9)
    assert float(plain[-1]) == pytest.approx(-0.93, abs=0.01)
    assert float(heavy[-1]) == pytest.approx(1.06, abs=0.01)
    assert plain.max() < -0.13  # never over the hump


def test_a_saddle_holds_descent_until_it_is_nudged():
    on_ridge = gradient_descent(saddle, torch.tensor([1.0, 0.0], dtype=torch.float64), 0.1, steps=300)
    beside = gradient_descent(saddle, torch.tensor([1.0, 1e-6], dtype=torch.float64), 0.1, steps=300)
    assert on_ridge[-1].abs().max() < 1e-9
    assert beside[-1].tolist() == pytest.approx([0, 1], abs=1e-6)


def test_descends_the_curved_valley():
    path = gradient_descent(banana, torch.tensor([-1.0, 1.0], dtype=torch.float64), 0.005, steps=5000)
    assert path[-1].tolist() == pytest.approx([1, 1], abs=1e-3)
    assert (banana(path).diff() <= 0).all()


@pytest.mark.parametrize("momentum", [0.0, 0.7])
def test_equals_torch_sgd(momentum):
    start = torch.tensor([-1.0, 1.5], dtype=torch.float64)
    path = gradient_descent(banana, start, 0.002, steps=60, momentum=momentum)
    point = start.clone().requires_grad_()
    peer = torch.optim.SGD([point], lr=0.002, momentum=momentum)
    for n in range(1, 61):
        peer.zero_grad()
        banana(point).backward()
        peer.step()
        torch.testing.assert_close(path[n], point.detach(), rtol=1e-12, atol=1e-12)


def test_a_diverging_run_is_returned_as_it_is():
    path = gradient_descent(banana, torch.tensor([-1.0, 2.0], dtype=torch.float64), 1.0, steps=20)
    assert not torch.isfinite(path[-1]).all()


def test_start_is_left_alone():
    start = torch.tensor([2.0])
    gradient_descent(bowl, start, 0.1, steps=3)
    assert start.tolist() == [2.0]
    assert not start.requires_grad


def test_local_search_needs_more_evaluations_with_every_dimension_and_gradient_descent_does_not():
    blind, guided = [], []
    for dimensions in (2, 8, 32, 128):
        start = torch.ones(dimensions, dtype=torch.float64) / dimensions**0.5  # height 1/2 in every dimension
        counts = [local_search(bowl, start, 0.05, target=0.02, generator=generator(seed))[1] for seed in range(3)]
        blind.append(sorted(counts)[1])
        heights = bowl(gradient_descent(bowl, start, 0.1, steps=100))
        guided.append(int((heights <= 0.02).nonzero()[0, 0]))
    assert blind == sorted(blind)
    assert blind[-1] > 5 * blind[0]
    assert len(set(guided)) == 1
    assert guided[0] < blind[0]


def test_local_search_never_climbs_counts_every_evaluation_and_repeats_with_its_seed(device, dtype):
    calls: list[float] = []

    def counted(x: torch.Tensor) -> torch.Tensor:
        calls.append(float(bowl(x)))
        return bowl(x)

    start = torch.full((3,), 2.0, device=device, dtype=dtype)
    point, used = local_search(counted, start, 0.3, target=0.1, generator=generator(4, device))
    assert used == len(calls)
    assert float(bowl(point)) == min(calls) <= 0.1
    calls.clear()
    bottom, _ = local_search(
        counted, start, 0.3, target=-1.0, generator=generator(4, device), steps=400
    )  # no better target to reach
    assert float(bowl(bottom)) == min(calls)
    again, used_again = local_search(bowl, start, 0.3, target=0.1, generator=generator(4, device))
    assert used_again == used
    assert torch.equal(again, point)


def test_local_search_says_by_the_count_that_it_gave_up():
    _, used = local_search(bowl, torch.ones(2), radius=0.1, target=-1.0, generator=generator(), steps=57)
    assert used == 57
