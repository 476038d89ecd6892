"""Every public function of chapter 2 turns bad input away with one line that says what came and what was wanted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from course_lib import data, linear, optim
from course_lib.core import training
from course_lib.core.seeding import generator
from course_lib.ops import neighbours
from course_lib.optim.surfaces import bowl

from .refusals import refused

X = torch.randn(8, 3, generator=generator(0), dtype=torch.float64)
Y = X[:, 0].clone()
LABELS = torch.tensor([0, 1] * 4)
W = torch.zeros(4, dtype=torch.float64)
SCORES = torch.zeros(8, 2, dtype=torch.float64)
NAN = torch.where(torch.arange(24).reshape(8, 3) == 3, float("nan"), X)
WHOLE = torch.ones(8, 3, dtype=torch.int64)
BYTES = torch.zeros(8, 3, dtype=torch.uint8)
WIDE = torch.ones(2, 3, dtype=torch.float64)

# Each function that takes samples, with everything else about the call in order.
TAKES_SAMPLES: dict[str, Callable] = {
    "add_bias": linear.add_bias,
    "fit_logistic": lambda A: linear.fit_logistic(A, LABELS),
    "fit_softmax": lambda A: linear.fit_softmax(A, LABELS, 2),
    "hyperplane_distance": lambda A: linear.hyperplane_distance(A, W + 1),
    "knn_predict, questions": lambda A: neighbours.knn_predict(A, X, LABELS, k=1),
    "knn_predict, training": lambda A: neighbours.knn_predict(X, A, LABELS, k=1),
    "lasso": lambda A: linear.lasso(A, Y, 0.1),
    "least_squares": lambda A: linear.least_squares(A, Y),
    "linear_scores": lambda A: linear.linear_scores(A, W),
    "logistic_loss": lambda A: linear.logistic_loss(W, A, LABELS),
    "nearest, questions": lambda A: neighbours.nearest(A, X, 1),
    "nearest, training": lambda A: neighbours.nearest(X, A, 1),
    "normal_equation": lambda A: linear.normal_equation(A, Y),
    "one_hot_least_squares": lambda A: linear.one_hot_least_squares(A, LABELS, 2),
    "pairwise_distances, first": lambda A: neighbours.pairwise_distances(A, X),
    "pairwise_distances, second": lambda A: neighbours.pairwise_distances(X, A),
    "quadratic_features": lambda A: linear.quadratic_features(A[:, :2] if isinstance(A, torch.Tensor) else A),
    "ridge": lambda A: linear.ridge(A, Y, 1.0),
    "standardise": data.standardise,
    "standardise, other part": lambda A: data.standardise(X, A),
}
BAD_SAMPLES = {
    "NaN": (NAN, r"holds 1 NaN or infinite values of \d+; remove or replace"),
    "empty": (X[:0], r"is empty: float64 tensor of shape \(0, \d\), but \w+ must be at least 1"),
    "integers": (WHOLE, r"must be a floating-point tensor of shape \(.*\), not a int64 tensor of shape \(8, \d\); "),
    "integer image": (
        BYTES,
        r"must be a floating-point tensor of shape \(.*\), not a uint8 tensor of shape \(8, \d\); ",
    ),
    "list": ([[1.0, 2.0]], r"must be a floating-point tensor of shape \(.*\), not a list of length 1; torch.as_tensor"),
}


@pytest.mark.parametrize("bad", BAD_SAMPLES)
@pytest.mark.parametrize("function", TAKES_SAMPLES)
def test_bad_samples(function, bad):
    value, message = BAD_SAMPLES[bad]
    refused(lambda: TAKES_SAMPLES[function](value), message)


@pytest.mark.parametrize("function", TAKES_SAMPLES)
def test_good_samples_pass(function):
    TAKES_SAMPLES[function](X)


TAKES_A_SECOND: dict[str, tuple[Callable, torch.Tensor]] = {
    "fit_logistic": (lambda b: linear.fit_logistic(X, b), LABELS),
    "fit_softmax": (lambda b: linear.fit_softmax(X, b, 2), LABELS),
    "one_hot_least_squares": (lambda b: linear.one_hot_least_squares(X, b, 2), LABELS),
    "cross_entropy": (lambda b: linear.cross_entropy(SCORES, b), LABELS),
    "cross_entropy_gradient": (lambda b: linear.cross_entropy_gradient(SCORES, b), LABELS),
    "logistic_loss": (lambda b: linear.logistic_loss(W, X, b), LABELS),
    "knn_predict": (lambda b: neighbours.knn_predict(X, X, b, k=1), LABELS),
    "hyperplane_distance": (lambda b: linear.hyperplane_distance(X, b), W + 1),
    "linear_scores": (lambda b: linear.linear_scores(X, b), W),
    "lasso": (lambda b: linear.lasso(X, b, 1.0), Y),
    "ridge": (lambda b: linear.ridge(X, b, 1.0), Y),
    "least_squares": (lambda b: linear.least_squares(X, b), Y),
    "normal_equation": (lambda b: linear.normal_equation(X, b), Y),
    "pairwise_distances": (lambda b: neighbours.pairwise_distances(X, b), X),
    "nearest": (lambda b: neighbours.nearest(X, b, 1), X),
    "standardise": (lambda b: data.standardise(X, b), X),
}


@pytest.mark.parametrize("function", TAKES_A_SECOND)
def test_tensors_on_two_devices(function):
    """The meta device, which every machine has, stands for a GPU."""
    call, second = TAKES_A_SECOND[function]
    call(second)
    refused(lambda: call(second.to("meta")), r"^[\w ]+ is on meta but \w+ (is )?on cpu; move them to one device$")


ONE = X[:1]
CASES: dict[str, tuple[Callable, str]] = {
    # one sample
    "least_squares, one sample": (
        lambda: linear.least_squares(ONE, Y[:1]),
        r"1 samples cannot fix 3 weights: .*; use ridge",
    ),
    "normal_equation, one sample": (lambda: linear.normal_equation(ONE, Y[:1]), r"1 samples cannot fix 3 weights"),
    "ridge, one sample": (lambda: linear.ridge(ONE, Y[:1], 1.0), r"one sample .* at least 2 samples are needed"),
    "lasso, one sample": (lambda: linear.lasso(ONE, Y[:1], 1.0), r"one sample .* at least 2 samples are needed"),
    "fit_logistic, one sample": (
        lambda: linear.fit_logistic(ONE, LABELS[:1]),
        r"all 1 labels are 0: both classes are needed",
    ),
    "fit_softmax, one sample": (lambda: linear.fit_softmax(ONE, LABELS[:1], 2), r"class 1 of 2 has no sample"),
    "one_hot, one sample": (
        lambda: linear.one_hot_least_squares(ONE, LABELS[:1], 2),
        r"1 samples cannot fix 4 weights",
    ),
    # more features than samples
    "least_squares, wide": (
        lambda: linear.least_squares(WIDE, Y[:2]),
        r"2 samples cannot fix 3 weights: infinitely many fit",
    ),
    "normal_equation, wide": (
        lambda: linear.normal_equation(WIDE, Y[:2]),
        r"2 samples cannot fix 3 weights.*use ridge",
    ),
    "one_hot, wide": (lambda: linear.one_hot_least_squares(WIDE, LABELS[:2], 2), r"2 samples cannot fix 4 weights"),
    # mismatched shapes
    "least_squares, targets": (
        lambda: linear.least_squares(X, Y[:7]),
        r"y has N = 7 but X has N = 8; they must be equal",
    ),
    "normal_equation, targets": (lambda: linear.normal_equation(X, Y[:7]), r"y has N = 7 but X has N = 8"),
    "least_squares, 3-D": (
        lambda: linear.least_squares(X, Y[:, None, None]),
        r"y must be .* \(N\), not a .* \(8, 1, 1\)",
    ),
    "ridge, column": (lambda: linear.ridge(X, Y[:, None], 1.0), r"y must be .* shape \(N\), not a .* \(8, 1\)"),
    "lasso, column": (lambda: linear.lasso(X, Y[:, None], 1.0), r"y must be .* shape \(N\), not a .* \(8, 1\)"),
    "fit_logistic, labels": (lambda: linear.fit_logistic(X, LABELS[:5]), r"labels has N = 5 but X has N = 8"),
    "logistic_loss, labels": (lambda: linear.logistic_loss(W, X, LABELS[:5]), r"labels has N = 5 but X has N = 8"),
    "logistic_loss, column": (
        lambda: linear.logistic_loss(W, X, LABELS[:, None]),
        r"labels must be .*\(N,\).* \(8, 1\)",
    ),
    "logistic_loss, weights": (
        lambda: linear.logistic_loss(W[:3], X, LABELS),
        r"weights must have shape \(4,\).*\(3,\)",
    ),
    "fit_softmax, labels": (lambda: linear.fit_softmax(X, LABELS[:5], 2), r"labels has N = 5 but X has N = 8"),
    "one_hot, labels": (lambda: linear.one_hot_least_squares(X, LABELS[:5], 2), r"labels has N = 5 but X has N = 8"),
    "cross_entropy, labels": (
        lambda: linear.cross_entropy(SCORES, LABELS[:5]),
        r"labels has N = 5 but scores has N = 8",
    ),
    "gradient, labels": (
        lambda: linear.cross_entropy_gradient(SCORES, LABELS[:5]),
        r"labels has N = 5 but scores has N = 8",
    ),
    "log_softmax, vector": (
        lambda: linear.log_softmax(SCORES[0]),
        r"scores must be .* \(N, K\), not a .* shape \(2,\)",
    ),
    "linear_scores, weights": (lambda: linear.linear_scores(X, W[:3]), r"weights needs 4 rows, .* not 3"),
    "hyperplane, columns": (
        lambda: linear.hyperplane_distance(X, torch.ones(4, 2).double()),
        r"weights must be .*\(F\), not",
    ),
    "pairwise, features": (lambda: neighbours.pairwise_distances(X, X[:, :2]), r"B has D = 2 but A has D = 3"),
    "knn, features": (lambda: neighbours.knn_predict(X[:, :2], X, LABELS, k=1), r"train_X has D = 3 but X has D = 2"),
    "knn, labels": (
        lambda: neighbours.knn_predict(X, X, LABELS[:5], k=1),
        r"train_labels has N = 5 but train_X has N = 8",
    ),
    "standardise, features": (lambda: data.standardise(X, X[:, :2]), r"part 2 has D = 2 but train has D = 3"),
    "quadratic, 3 columns": (lambda: linear.quadratic_features(X), r"X must be .* shape \(N, 2\), not a .* \(8, 3\)"),
    "polynomial, matrix": (lambda: linear.polynomial_features(X, 2), r"x must be .* shape \(N\), not a .* \(8, 3\)"),
    # precision
    "linear_scores, precision": (
        lambda: linear.linear_scores(X, W.float()),
        r"X is torch.float64 but weights is torch.float32",
    ),
    "pairwise, precision": (
        lambda: neighbours.pairwise_distances(X, X.float()),
        r"A is torch.float64 but B is torch.float32",
    ),
    # integer targets and scores
    "ridge, integer targets": (
        lambda: linear.ridge(X, LABELS, 1.0),
        r"y must be a floating-point .*not a int64.*y.float\(\)",
    ),
    "cross_entropy, integers": (
        lambda: linear.cross_entropy(SCORES.long(), LABELS),
        r"scores must be a floating.*int64",
    ),
    "gradient, NaN": (lambda: linear.cross_entropy_gradient(SCORES * float("nan"), LABELS), r"scores holds 16 NaN"),
    "log_softmax, integers": (
        lambda: linear.log_softmax(SCORES.long()),
        r"scores must be a floating-point .* int64 tensor",
    ),
    "log_softmax, empty": (
        lambda: linear.log_softmax(SCORES[:0]),
        r"scores must be .* not a float64 tensor of shape \(0, 2\)",
    ),
    "polynomial, integers": (
        lambda: linear.polynomial_features(LABELS, 2),
        r"x must be a floating-point .*x.float\(\)",
    ),
    # labels
    "fit_logistic, a third class": (
        lambda: linear.fit_logistic(X, LABELS + 1),
        r"labels must hold labels 0 to 1.* from 1 to 2",
    ),
    "cross_entropy, class": (
        lambda: linear.cross_entropy(SCORES, LABELS * 5),
        r"labels 0 to 1, but its values run from 0 to 5",
    ),
    "knn, negative class": (
        lambda: neighbours.knn_predict(X, X, LABELS - 1, k=1),
        r"train_labels must hold .* from -1 to 0",
    ),
    "one_hot, one class": (
        lambda: linear.one_hot_least_squares(X, LABELS * 0, 1),
        r"classes must be at least 2, not 1",
    ),
    "fit_softmax, one class": (lambda: linear.fit_softmax(X, LABELS * 0, 1), r"classes must be at least 2, not 1"),
    # numbers
    "k too large": (lambda: neighbours.nearest(X, X, 9), r"k must be 1 to 8, the number of training samples, not 9"),
    "k too large to vote": (lambda: neighbours.knn_predict(X, X, LABELS, k=9), r"k must be 1 to 8"),
    "k zero": (lambda: neighbours.knn_predict(X, X, LABELS, k=0), r"k must be 1 to 8, .* not 0"),
    "norm": (
        lambda: neighbours.pairwise_distances(X, X, 3),
        r"norm must be 1 \(city block\) or 2 \(straight line\), not 3",
    ),
    "ridge, penalty": (lambda: linear.ridge(X, Y, 0.0), r"penalty must be a finite number above 0, not 0.0"),
    "lasso, penalty": (lambda: linear.lasso(X, Y, -1.0), r"penalty must be a finite number above 0, not -1.0"),
    "lasso, steps": (lambda: linear.lasso(X, Y, 1.0, steps=0), r"steps must be a finite number above 0, not 0"),
    "fit_softmax, penalty": (
        lambda: linear.fit_softmax(X, LABELS, 2, penalty=0.0),
        r"penalty must be a finite number above 0",
    ),
    "fit_logistic, penalty": (lambda: linear.fit_logistic(X, LABELS, -1.0), r"penalty must be .* 0 or more, not -1.0"),
    "fit_logistic, NaN penalty": (lambda: linear.fit_logistic(X, LABELS, float("nan")), r"0 or more, not nan"),
    "degree": (lambda: linear.polynomial_features(Y, -1), r"degree must be 0 or more, not -1"),
    "descent, rate": (
        lambda: optim.gradient_descent(bowl, Y, 0.0, steps=5),
        r"rate must be a finite number above 0, not 0.0",
    ),
    "descent, steps": (
        lambda: optim.gradient_descent(bowl, Y, 0.1, steps=0),
        r"steps must be a finite number above 0, not 0",
    ),
    "descent, momentum": (
        lambda: optim.gradient_descent(bowl, Y, 0.1, steps=5, momentum=1.0),
        r"momentum must be .* below 1, not 1.0",
    ),
    "descent, NaN": (lambda: optim.gradient_descent(bowl, NAN[1], 0.1, steps=5), r"start holds 1 NaN"),
    "descent, integers": (
        lambda: optim.gradient_descent(bowl, LABELS, 0.1, steps=5),
        r"start must be a floating-point.*int64",
    ),
    "search, radius": (
        lambda: optim.local_search(bowl, Y, -1.0, target=0.1, generator=generator()),
        r"radius must be .* above 0, not -1.0",
    ),
    "search, empty": (
        lambda: optim.local_search(bowl, Y[:0], 1.0, target=0.1, generator=generator()),
        r"start is empty",
    ),
    "newton, matrix": (lambda: optim.newton(bowl, X), r"start must be .* shape \(D\), not a .* \(8, 3\)"),
    "numerical_gradient, integers": (
        lambda: optim.numerical_gradient(bowl, LABELS),
        r"x must be a floating-point .*int64",
    ),
    "numerical_gradient, list": (lambda: optim.numerical_gradient(bowl, [1.0]), r"x must be .*not a list of length 1"),
    "numerical_gradient, step": (lambda: optim.numerical_gradient(bowl, Y, 0.0), r"step must be .* above 0, not 0.0"),
    "classify, matrix": (
        lambda: optim.classify_stationary_point(bowl, X),
        r"x must be .* shape \(D\), not a .* \(8, 3\)",
    ),
    "SGD, rate": (lambda: optim.SGD([W], lr=-0.1), r"lr must be a finite number above 0, not -0.1"),
    "SGD, nothing": (lambda: optim.SGD([], lr=0.1), r"SGD needs at least one parameter"),
    "SGD, momentum": (lambda: optim.SGD([W], lr=0.1, momentum=1.0), r"0 <= momentum < 1 .*not 1.0 and 0.0"),
    "SGD, decay": (lambda: optim.SGD([W], lr=0.1, weight_decay=-1.0), r"weight_decay >= 0, .* and -1.0"),
    "SGD, nesterov": (lambda: optim.SGD([W], lr=0.1, nesterov=True), r"needs a momentum above 0"),
    "SGD, setting": (lambda: optim.SGD([{"params": [W], "speed": 1}], lr=0.1), r"SGD knows no setting 'speed'"),
    "noise, batch": (
        lambda: optim.gradient_noise(None, W, 5, batch=6, draws=1, generator=generator()),
        r"batch must be 1 to 5, .* not 6",
    ),
    "noise, draws": (
        lambda: optim.gradient_noise(None, W, 5, batch=2, draws=0, generator=generator()),
        r"draws must be .* above 0, not 0",
    ),
    "batches, size": (lambda: training.batches(5, 0, generator()), r"size must be a finite number above 0, not 0"),
    "batches, samples": (
        lambda: training.batches(0, 5, generator()),
        r"samples must be a finite number above 0, not 0",
    ),
    "fit, epochs": (
        lambda: training.fit(nn.Linear(3, 1), None, None, samples=8, epochs=0, batch=1, generator=generator()),
        r"epochs must be a finite number above 0, not 0",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_refusal(case):
    refused(*CASES[case])
