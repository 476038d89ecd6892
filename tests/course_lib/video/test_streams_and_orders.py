"""Two streams add probabilities; orders and their labels agree; divided attention looks along time and space only."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.video.divided_attention import DividedLayer
from course_lib.video.fusion import SingleFrame
from course_lib.video.temporal_order import OrderNetwork, frame_orders, shuffled
from course_lib.video.two_stream import MotionStream, TwoStream


def test_two_streams_say_the_mean_of_their_probabilities():
    torch.manual_seed(0)
    both = TwoStream(SingleFrame(5), MotionStream(5, 3)).eval()
    clips, flow = torch.rand(2, 4, 3, 64, 64), torch.randn(2, 3, 2, 64, 64)
    wanted = (both.appearance(clips).softmax(1) + both.motion(flow).softmax(1)) / 2
    torch.testing.assert_close(both(clips, flow).exp(), wanted)
    with pytest.raises(ValueError, match="3 fields of flow, not 2"):
        both.motion(flow[:, 1:])


@pytest.mark.parametrize("frames", [2, 3, 4, 5])
def test_orders_and_those_of_the_clip_played_backwards_are_each_permutation_once(frames):
    orders = frame_orders(frames)
    assert len(orders) == math.factorial(frames) // 2
    everything = {tuple(order) for order in torch.cat([orders, frames - 1 - orders]).tolist()}
    assert len(everything) == math.factorial(frames)
    assert len(frame_orders(frames, both_ways=False)) == math.factorial(frames)
    with pytest.raises(ValueError, match="from 2 to 6, not 1"):
        frame_orders(1)


@pytest.mark.parametrize("both_ways", [True, False])
def test_shuffled_clips_carry_the_number_of_their_order(both_ways):
    film = torch.arange(4.0)[:, None, None, None].expand(64, -1, 1, 2, 2)  # frame t is filled with t
    orders = frame_orders(4, both_ways=both_ways)
    clips, labels = shuffled(film, orders, generator=generator(0))
    found, backwards = clips[:, :, 0, 0, 0].long(), 0
    for order, label in zip(found.tolist(), labels.tolist(), strict=True):
        if order != orders[label].tolist():
            assert both_ways
            assert order == (3 - orders[label]).tolist()  # the same order of the film played backwards
            assert torch.equal(torch.arange(4).flip(0)[orders[label]], torch.tensor(order))
            backwards += 1
    assert (backwards > 16) == both_ways
    with pytest.raises(ValueError, match="3 frames cannot be put in orders of 4"):
        shuffled(film[:, :3], orders, generator=generator(0))


def test_the_order_network_learns_a_brightness_that_grows():
    torch.manual_seed(0)
    orders, stream = frame_orders(3), generator(0)
    film = torch.tensor([0.1, 0.5, 0.9])[:, None, None, None] + torch.zeros(48, 3, 3, 64, 64)
    network = OrderNetwork(len(orders), 3, hidden=16)
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(12):
        clips, labels = shuffled(film, orders, generator=stream)
        loss = torch.nn.functional.cross_entropy(network(clips), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    clips, labels = shuffled(film, orders, generator=stream)
    assert (network(clips).argmax(1) == labels).float().mean() > 0.9


def test_divided_attention_joins_a_token_with_its_place_and_its_frame_alone():
    torch.manual_seed(0)
    layer = DividedLayer(8, 2, 16).double()
    layer.attend = lambda x, *_: torch.zeros_like(x)  # time alone
    x = torch.randn(1, 3, 4, 8, dtype=torch.float64, requires_grad=True)
    reached = torch.autograd.grad(layer(x)[0, 1, 2].sum(), x)[0].abs().sum(-1)[0] > 0
    assert reached[:, 2].all()
    assert reached.sum() == 3
    layer = DividedLayer(8, 2, 16).double()
    layer.time_attn.forward = torch.zeros_like  # space alone
    reached = torch.autograd.grad(layer(x)[0, 1, 2].sum(), x)[0].abs().sum(-1)[0] > 0
    assert reached[1].all()
    assert reached.sum() == 4
