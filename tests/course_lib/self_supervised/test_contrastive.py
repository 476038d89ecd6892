"""SimCLR, InfoNCE, MoCo and SimSiam: losses against loops, the queue and the slow network to the bit, collapse."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.self_supervised.encoder import SmallEncoder, encode_pictures, projector, settle_norms
from course_lib.self_supervised.moco import MoCo, Queue, moco_loss, momentum_update
from course_lib.self_supervised.simclr import SimCLR, info_nce, nt_xent
from course_lib.self_supervised.simsiam import SimSiam, effective_dimensions, negative_cosine, output_spread


def small():
    torch.manual_seed(0)
    return SmallEncoder((4, 6, 6, 8))


def test_nt_xent_is_the_loop_of_the_paper():
    z = torch.randn(10, 7, generator=generator(0), dtype=torch.float64)
    u, total = z / z.norm(dim=1, keepdim=True), 0.0
    for i in range(10):
        partner = (i + 5) % 10
        scores = [math.exp(float(u[i] @ u[j]) / 0.3) for j in range(10) if j != i]
        total -= math.log(math.exp(float(u[i] @ u[partner]) / 0.3) / sum(scores))
    assert math.isclose(float(nt_xent(z, 0.3)), total / 10, rel_tol=1e-12)


def test_nt_xent_of_equal_outputs_is_log_of_the_choices_and_of_perfect_ones_is_small():
    assert math.isclose(float(nt_xent(torch.ones(12, 4))), math.log(11), rel_tol=1e-6)
    z = torch.eye(6).repeat(2, 1)
    assert float(nt_xent(z, 0.05)) < 1e-6
    assert float(nt_xent(torch.cat([torch.eye(6), torch.eye(6).roll(1, 0)]), 0.05)) > 10


def test_info_nce_is_the_cross_entropy_of_cosines():
    q, k = torch.randn(5, 4, generator=generator(1)), torch.randn(9, 4, generator=generator(2))
    targets = torch.tensor([3, 0, 8, 1, 1])
    wanted = F.cross_entropy(F.cosine_similarity(q[:, None], k[None], dim=2) / 0.2, targets)
    assert torch.allclose(info_nce(q, k, targets, temperature=0.2), wanted, atol=1e-6)


def test_moco_s_loss_is_info_nce_with_the_own_key_in_front():
    q, k, queue = (F.normalize(torch.randn(n, 6, generator=generator(n)), dim=1) for n in (4, 5, 11))
    k = k[:4]
    rows = [
        info_nce(q[i : i + 1], torch.cat([k[i : i + 1], queue]), torch.tensor([0]), temperature=0.2) for i in range(4)
    ]
    assert torch.allclose(moco_loss(q, k, queue, temperature=0.2), torch.stack(rows).mean(), atol=1e-6)


def test_the_queue_is_first_in_first_out_to_the_bit():
    queue, told = Queue(5, 2, generator=generator(0)), []
    begin = list(queue.keys.clone())
    for step in range(6):
        keys = torch.randn(2, 2, generator=generator(step))
        queue.push(keys)
        told += list(keys)
        wanted = torch.stack((begin + told)[-5:])
        held = queue.keys.roll(-int(queue.position), 0)  # the oldest first
        assert torch.equal(held, wanted)


def test_the_slow_network_follows_to_the_bit_and_never_by_gradients():
    fast, slow = small(), small()
    for p in fast.parameters():
        p.data.add_(1.0)
    before = [p.clone() for p in slow.parameters()]
    momentum_update(slow, fast, 0.9)
    for old, new, now in zip(before, fast.parameters(), slow.parameters(), strict=True):
        assert torch.equal(now, (old * 0.9).add_(new, alpha=1 - 0.9))
    model = MoCo(small(), generator=generator(0), outputs=8, size=16, groups=2)
    x = torch.rand(8, 3, 16, 16, generator=generator(0))
    model.loss(x, x, generator(1)).backward()
    assert all(p.grad is None for p in model.slow.parameters())
    assert all(p.grad is not None for p in model.encoder.parameters())
    assert not model.queue.keys.requires_grad


def test_a_step_of_moco_pushes_this_batch_and_keys_keep_their_pictures():
    model = MoCo(small(), generator=generator(0), outputs=8, size=16, groups=1)
    x = torch.rand(8, 3, 16, 16, generator=generator(0))
    model.loss(x, x.flip(3), generator(1))
    kept = model.queue.keys[:8].clone()
    with torch.no_grad():  # the same statistics: one group; the slow network does not move when weights are equal
        wanted = F.normalize(model.slow(x.flip(3)), dim=1)
    assert torch.allclose(kept, wanted, atol=1e-5)
    assert int(model.queue.position) == 8


def test_groups_are_normalised_apart():
    model = MoCo(small(), generator=generator(0), outputs=8, size=16, groups=4)
    x = torch.rand(8, 3, 16, 16, generator=generator(0))
    g = generator(5)
    order = torch.randperm(8, generator=generator(5))
    keys = model.keys(x, g)
    with torch.no_grad():
        first = F.normalize(model.slow(x[order[:2]]), dim=1)
    assert torch.allclose(keys[order[:2]], first, atol=1e-5)


def test_the_stop_cuts_the_wanted_side():
    x = torch.rand(6, 3, 16, 16, generator=generator(0))
    models = [SimSiam(small(), outputs=8, bottleneck=4, stop=s) for s in (True, False)]
    models[1].load_state_dict(models[0].state_dict())
    grads = []
    for model in models:
        model.loss(x, x.flip(3)).backward()
        grads.append(model.encoder.layers[0].weight.grad)
    assert math.isclose(*(float(m.loss(x, x.flip(3)).detach()) for m in models), rel_tol=1e-5)  # one value, two slopes
    assert not torch.allclose(*grads)


def test_with_the_stop_the_slope_is_that_of_a_fixed_wanted_side():
    x = torch.rand(6, 3, 16, 16, generator=generator(0))
    model = SimSiam(small(), outputs=8, bottleneck=4)
    fixed = model.head(model.encoder(torch.cat([x, x.flip(3)]))).detach().roll(6, 0)
    z = model.head(model.encoder(torch.cat([x, x.flip(3)])))
    (wanted,) = torch.autograd.grad(negative_cosine(model.predictor(z), fixed), model.encoder.layers[0].weight)
    (found,) = torch.autograd.grad(model.loss(x, x.flip(3)), model.encoder.layers[0].weight)
    assert torch.allclose(found, wanted, atol=1e-6)


def test_spread_of_one_point_and_of_the_whole_sphere():
    assert float(output_spread(torch.ones(50, 16))) < 1e-3
    z = torch.randn(20000, 16, generator=generator(0))
    assert math.isclose(float(output_spread(z)), 1, abs_tol=0.01)


def test_effective_dimensions_count_directions():
    z = torch.zeros(40, 6)
    z[:, 0] = torch.arange(40.0)
    assert float(effective_dimensions(z + 3)) == pytest.approx(1, abs=1e-3)
    assert float(effective_dimensions(torch.cat([torch.eye(6), -torch.eye(6)]))) == pytest.approx(6, rel=1e-4)
    turn, _ = torch.linalg.qr(torch.randn(6, 6, generator=generator(0)))
    x = torch.randn(40, 6, generator=generator(1))
    assert float(effective_dimensions(x @ turn)) == pytest.approx(float(effective_dimensions(x)), rel=1e-4)


def test_features_do_not_depend_on_the_batch_and_the_mode_is_kept():
    net, x = small(), torch.rand(7, 3, 16, 16, generator=generator(0))
    settle_norms(net, x)
    net.train()
    found = encode_pictures(net, x, 3)
    assert net.training
    net.eval()
    assert torch.allclose(found, net(x), atol=1e-6)
    assert torch.allclose(found, net.maps(x).mean((2, 3)))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nt_xent(torch.randn(3, 2)), "even number"),
        (lambda: nt_xent(torch.randn(4, 2), 0.0), "temperature"),
        (lambda: Queue(2, 3, generator=generator(0)).push(torch.randn(3, 3)), "at most 2"),
        (lambda: Queue(2, 3, generator=generator(0)).push(torch.randn(1, 4)), "3"),
        (lambda: momentum_update(small(), small(), 1.5), "momentum"),
        (lambda: output_spread(torch.randn(1, 3)), "two outputs"),
        (lambda: effective_dimensions(torch.randn(1, 3)), "two outputs"),
        (lambda: SmallEncoder((3, 4)), "widths"),
        (lambda: small()(torch.randn(2, 1, 16, 16)), "images"),
        (lambda: projector(0, 1, 1), "inputs"),
        (lambda: SimCLR(small(), temperature=-1.0).loss(torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)), "temperature"),
    ],
)
def test_bad_input_is_refused_in_one_line(call, words):
    with pytest.raises(ValueError, match=words) as error:
        call()
    assert "\n" not in str(error.value)
