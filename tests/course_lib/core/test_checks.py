"""Each refusal of `checks` is one line that says what came and what was wanted; right input passes."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from course_lib.core.checks import check_labels, check_positive, check_shapes, check_tensors, check_tokens, describe

from ..refusals import refused

OK = torch.ones(3, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"X": ([[1.0]], "N D")},
            "X must be a floating-point tensor of shape (N, D), not a list of length 1; torch.as_tensor(...) converts",
        ),
        ({"X": (np.ones((2, 3)), "N D")}, "not a float64 ndarray of shape (2, 3); torch.as_tensor(...) converts"),
        ({"X": (None, "N")}, "not a NoneType None"),
        ({"X": (torch.ones(2, 3, dtype=torch.int64), "N D")}, "not a int64 tensor of shape (2, 3); X.float() converts"),
        ({"X": (torch.ones(2, 3, dtype=torch.uint8), "N D")}, "not a uint8 tensor of shape (2, 3); X.float() converts"),
        ({"X": (torch.ones(2, dtype=torch.bool), "N")}, "not a bool tensor of shape (2,)"),
        ({"X": (torch.ones(2, dtype=torch.complex64), "N")}, "not a complex64 tensor of shape (2,)"),
        (
            {"X": (torch.ones(3), "N D")},
            "must be a floating-point tensor of shape (N, D), not a float32 tensor of shape (3,)",
        ),
        ({"X": (torch.ones(2, 3), "N 2")}, "of shape (N, 2), not a float32 tensor of shape (2, 3)"),
        ({"X": (torch.ones(0, 3), "N D")}, "X is empty: float32 tensor of shape (0, 3), but N must be at least 1"),
        ({"X": (torch.ones(3, 0), "N D")}, "but D must be at least 1"),
        ({"X": (OK, "N D"), "y": (torch.ones(4), "N")}, "y has N = 4 but X has N = 3; they must be equal"),
        ({"X": (torch.ones(2, 3), "N N")}, r"X must have N twice in (N, N), not 2 and 3"),
        (
            {"X": (torch.tensor([1.0, float("nan"), float("inf")]), "N")},
            "X holds 2 NaN or infinite values of 3; remove or replace them first",
        ),
        (
            {"X": (OK, "N D"), "y": (torch.ones(3, device="meta"), "N")},
            "y is on meta but X on cpu; move them to one device",
        ),
        ({"images": (torch.ones(4), "... H W")}, "images must be a floating-point tensor of shape (..., H, W), not a"),
    ],
)
def test_refusals(arguments, message):
    refused(lambda: check_tensors(**arguments), re.escape(message))


def test_right_tensors_pass_on_every_device(device):
    check_tensors(X=(OK.to(device), "N D"), y=(torch.ones(3, 1, device=device), "N 1"), w=(OK[0].to(device), "D"))
    check_tensors(images=(torch.ones(5, 3, 8, 9, device=device, dtype=torch.float16), "... C H W"))
    check_tensors(image=(torch.ones(8, 9, device=device), "... H W"), scalar=(torch.ones((), device=device), ""))


def test_finite_values_pass_though_their_sum_overflows_and_infinities_do_not_cancel():
    check_tensors(X=(torch.tensor([3e38, 3e38]), "N"), h=(torch.full((9,), 6e4, dtype=torch.float16), "M"))
    with pytest.raises(ValueError, match=r"X holds 2 NaN or infinite values of 3"):
        check_tensors(X=(torch.tensor([float("inf"), 1.0, -float("inf")]), "N"))


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        ([0, 1], None, "labels must be an int64 tensor of shape (N,) of class labels, not a list of length 2"),
        (torch.tensor([0.0, 1.0]), None, "not a float32 tensor of shape (2,)"),
        (torch.tensor([0, 1], dtype=torch.int32), None, "not a int32 tensor of shape (2,)"),
        (torch.tensor([[0], [1]]), None, "not a int64 tensor of shape (2, 1)"),
        (torch.tensor([], dtype=torch.int64), None, "labels is empty: at least one label is needed"),
        (torch.tensor([-1, 3]), None, "labels must hold labels 0, but its values run from -1 to 3"),
        (torch.tensor([1, 3]), 3, "labels must hold labels 0 to 2, but its values run from 1 to 3"),
        (torch.tensor([0, 0]), 1, "classes must be at least 2, not 1"),
    ],
)
def test_label_refusals(labels, classes, message):
    refused(lambda: check_labels("labels", labels, classes), re.escape(message))


def test_labels_belong_to_samples(device):
    labels = torch.tensor([0, 1, 2], device=device)
    check_labels("labels", labels, 3, X=torch.ones(3, 5, device=device))
    with pytest.raises(ValueError, match=r"labels has N = 3 but X has N = 4; they must be equal"):
        check_labels("labels", labels, 3, X=torch.ones(4, 5, device=device))
    with pytest.raises(ValueError, match=rf"labels is on {labels.device} but X on meta; move them to one device"):
        check_labels("labels", labels, 3, X=torch.ones(3, 5, device="meta"))


@pytest.mark.parametrize("value", [0, -1, 0.0, float("nan"), float("inf"), True, "1", None, torch.tensor(1.0)])
def test_numbers_that_are_not_positive(value):
    refused(lambda: check_positive(size=1, rate=value), r"rate must be a finite number above 0, not ")


@pytest.mark.parametrize("value", [1, 1e-300, 2.5, np.float64(3.0)])
def test_positive_numbers_pass(value):
    check_positive(value=value)


def test_describe():
    assert describe(torch.zeros(3, 4, dtype=torch.int64)) == "int64 tensor of shape (3, 4)"
    assert describe((1, 2)) == "tuple of length 2"
    assert describe("x") == "str 'x'"


def test_shapes_are_checked_without_reading_values():
    """So that a forward pass never waits for a GPU, and NaN is left to the loss."""
    check_shapes(x=(torch.tensor([float("nan")]), "N"))
    with pytest.raises(ValueError, match="x holds 1 NaN or infinite values of 1"):
        check_tensors(x=(torch.tensor([float("nan")]), "N"))
    for check in (check_shapes, check_tensors):
        with pytest.raises(ValueError, match=r"y has N = 2 but x has N = 3"):
            check(x=(torch.ones(3), "N"), y=(torch.ones(2), "N"))


@pytest.mark.parametrize(
    ("tokens", "options", "message"),
    [
        (torch.ones(2, 3), {}, "an int64 tensor (B, N) of token ids, not a float32 tensor of shape (2, 3)"),
        ([[1, 2]], {}, "of token ids, not a list"),
        (torch.ones(3, dtype=torch.int64), {}, "not a int64 tensor of shape (3,)"),
        (torch.ones(2, 0, dtype=torch.int64), {}, "N at least 1, not (2, 0)"),
        (torch.ones(0, 2, dtype=torch.int64), {}, "B at least 1"),
        (torch.ones(2, 1, dtype=torch.int64), {"least": 2}, "N at least 2, not (2, 1)"),
        (torch.tensor([[1, 5]]), {"words": 5}, "the words 0 to 4 of the vocabulary, not 1 to 5"),
        (torch.tensor([[-1, 2]]), {"words": 5}, "not -1 to 2"),
        (torch.tensor([[1, 2], [0, 0]]), {"words": 5}, "a text without words"),
    ],
)
def test_tokens(tokens, options, message):
    refused(lambda: check_tokens("source", tokens, **options), "source .*" + re.escape(message))
    check_tokens("source", torch.tensor([[1, 4, 0]]), words=5, least=3)
