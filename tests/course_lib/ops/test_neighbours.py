"""Distances against scipy, k-NN against scikit-learn's brute force, and the rules for ties."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.neighbors import KNeighborsClassifier

from course_lib.core.seeding import generator
from course_lib.data import digits, photograph, split_indices
from course_lib.ops.neighbours import knn_predict, nearest, pairwise_distances

SCIPY = {1: "cityblock", 2: "euclidean"}
NORMS = pytest.mark.parametrize("norm", [1, 2])


@NORMS
def test_equals_scipy_on_photographs_as_points(norm, device, dtype, close):
    """An image of 3 x 24 x 24 values is a point with 1,728 coordinates."""
    names = ("chelsea", "coffee", "astronaut", "flower")
    points = torch.stack([photograph(n, 24)[:, :, :24].flatten() for n in names]).double()
    assert points.shape == (4, 1728)
    ours = pairwise_distances(points[:3].to(device, dtype), points.to(device, dtype), norm)
    wanted = cdist(points[:3].numpy(), points.numpy(), SCIPY[norm])
    cancellation = 1e-6 if norm == 1 else 1e-5  # of |a|^2 + |b|^2 - 2 a^T b where a and b are the same image
    close(ours, wanted, rtol=1e-9, atol=cancellation)


@NORMS
@pytest.mark.parametrize(("rows", "others", "features"), [(1, 1, 1), (30, 50, 7), (200, 3, 300)])
def test_equals_scipy_on_random_points(norm, rows, others, features, device, dtype, close):
    g = generator(0)
    A = torch.randn(rows, features, generator=g, dtype=torch.float64)
    B = torch.randn(others, features, generator=g, dtype=torch.float64)
    wanted = cdist(A.numpy(), B.numpy(), SCIPY[norm])
    close(pairwise_distances(A.to(device, dtype), B.to(device, dtype), norm), wanted, rtol=1e-9)


@NORMS
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([1e-3, 1.0, 1e4]))
def test_a_distance_is_symmetric_zero_on_itself_and_obeys_the_triangle_inequality(norm, seed, scale):
    X = scale * torch.randn(7, 3, generator=generator(seed), dtype=torch.float64)
    d = pairwise_distances(X, X, norm)
    slack = 1e-6 * scale
    assert (d >= 0).all()
    assert (d - d.T).abs().max() <= slack
    assert d.diagonal().max() <= slack
    assert (d[:, None, :] <= d[:, :, None] + d[None, :, :] + slack).all()


def test_inputs_are_left_alone():
    A = torch.randn(4, 3, generator=generator(1))
    before = A.clone()
    pairwise_distances(A, A)
    assert torch.equal(A, before)


def digits_in_two(jitter: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    data = digits()
    X = data.features + jitter * torch.randn(data.features.shape, generator=generator(0), dtype=torch.float64)
    train, test = split_indices(len(data), (0.7, 0.3))
    return X[train], data.labels[train], X[test], data.labels[test]


@NORMS
@pytest.mark.parametrize("k", [1, 2, 3, 5, 10])
def test_equals_scikit_learn_on_digits(k, norm, device, dtype):
    """With a little noise no two distances are equal, and the answer does not depend on a rule for ties."""
    X, labels, questions, truth = digits_in_two(1e-3)
    peer = KNeighborsClassifier(k, algorithm="brute", p=norm).fit(X.numpy(), labels.numpy())
    ours = knn_predict(questions.to(device, dtype), X.to(device, dtype), labels.to(device), k=k, norm=norm).cpu()
    assert ours.tolist() == peer.predict(questions.numpy()).tolist()
    assert (ours == truth).double().mean() > 0.95


@NORMS
@pytest.mark.parametrize("k", [1, 5, 10])
def test_on_the_digits_themselves_equal_distances_follow_the_rule(k, norm):
    """Integer pixels make ties: the reference sorts stably, and scikit-learn agrees where no tie is at the border."""
    X, labels, questions, _ = digits_in_two(0.0)
    distances = cdist(questions.numpy(), X.numpy(), SCIPY[norm])
    order = torch.from_numpy(distances.argsort(axis=1, kind="stable"))
    wanted = labels[order[:, :k]].mode(dim=1).values  # torch's mode, too, is the lowest of equally frequent values
    ours = knn_predict(questions, X, labels, k=k, norm=norm)
    assert torch.equal(ours, wanted)
    ascending = torch.from_numpy(distances).sort(dim=1).values
    decided = ascending[:, k] > ascending[:, k - 1]
    peer = KNeighborsClassifier(k, algorithm="brute", p=norm).fit(X.numpy(), labels.numpy())
    assert torch.equal(ours[decided], torch.from_numpy(peer.predict(questions.numpy()))[decided])
    assert len(questions) * 0.5 < int(decided.sum()) < len(questions)


@NORMS
def test_neighbours_equal_scikit_learns_where_no_two_are_equally_near(norm):
    X, labels, questions, _ = digits_in_two(1e-3)
    peer = KNeighborsClassifier(7, algorithm="brute", p=norm).fit(X.numpy(), labels.numpy())
    wanted = torch.from_numpy(peer.kneighbors(questions.numpy(), return_distance=False))
    assert torch.equal(nearest(questions, X, 7, norm=norm).sort(dim=1).values, wanted.sort(dim=1).values)


@NORMS
@pytest.mark.parametrize("copies", [2, 40])
def test_of_equally_near_samples_the_earlier_is_nearer(norm, copies, device, dtype):
    """All samples are the same point, or alternate between two: the answer is the first k of the nearer ones."""
    same = torch.zeros(copies, 3, device=device, dtype=dtype)
    question = torch.ones(1, 3, device=device, dtype=dtype)
    for k in range(1, copies + 1):
        assert sorted(nearest(question, same, k, norm=norm)[0].tolist()) == list(range(k))
    alternating = torch.arange(copies, device=device).remainder(2).to(dtype)[:, None].expand(-1, 3)
    half = copies // 2
    assert sorted(nearest(question, alternating, half, norm=norm)[0].tolist()) == list(range(1, copies, 2))


def test_of_equally_frequent_classes_the_lowest_wins(device, dtype):
    X = torch.tensor([[1.0], [2.0], [3.0], [4.0]], device=device, dtype=dtype)
    labels = torch.tensor([3, 1, 3, 1], device=device)
    question = torch.zeros(1, 1, device=device, dtype=dtype)
    assert [int(knn_predict(question, X, labels, k=k)) for k in (1, 2, 3, 4)] == [3, 1, 3, 1]


def test_training_samples_are_their_own_neighbours():
    X, labels, _, _ = digits_in_two(0.0)
    assert torch.equal(knn_predict(X, X, labels, k=1), labels)


def test_with_all_samples_as_neighbours_every_answer_is_the_majority():
    X, labels = torch.randn(9, 2, generator=generator(3)), torch.tensor([0, 2, 2, 1, 2, 0, 2, 1, 1])
    assert knn_predict(torch.randn(5, 2, generator=generator(4)), X, labels, k=9).tolist() == [2] * 5


def test_one_training_sample_is_enough():
    assert knn_predict(torch.zeros(2, 3), torch.ones(1, 3), torch.tensor([4]), k=1).tolist() == [4, 4]


@pytest.mark.parametrize("far", [0.0, 1e3, 1e5])
def test_a_point_finds_itself_however_far_from_the_origin_the_points_are(far):
    points = torch.randn(200, 8, generator=generator(11)) + far
    assert torch.equal(nearest(points, points, 1)[:, 0], torch.arange(200))
    exact = torch.cdist(points.double(), points.double(), compute_mode="donot_use_mm_for_euclid_dist")
    torch.testing.assert_close(pairwise_distances(points, points).double(), exact, rtol=0, atol=5e-3)
