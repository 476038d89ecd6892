"""Guidance on a mixture where Bayes' rule can be checked: both kinds at full strength are the conditional score."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.diffusion.guidance import class_gradient, classifier_free, classifier_guided, guided
from course_lib.diffusion.mixture import GaussianMixture
from course_lib.diffusion.schedules import cosine_schedule

from ..refusals import refused

MEANS, DEVIATIONS = torch.tensor([[1.0, 0.0], [-1.0, 0.5]]).double(), torch.tensor([0.3, 0.4]).double()
BOTH, SCHEDULE = GaussianMixture(MEANS, DEVIATIONS), cosine_schedule(50)
PARTS = [GaussianMixture(MEANS[k : k + 1], DEVIATIONS[k : k + 1]) for k in (0, 1)]


def told(x, t, labels):
    """The noise given the part, or of both together where the label is -1."""
    rates = SCHEDULE.rates(t, x)
    each = torch.stack([part.noise(x, *rates) for part in (*PARTS, BOTH)])
    return each[labels, torch.arange(len(x))]


@pytest.fixture
def places():
    x = torch.randn(6, 2, generator=generator(0), dtype=torch.float64)
    return x, torch.tensor([3, 10, 20, 30, 40, 45]), torch.tensor([0, 1, 0, 1, 1, 0])


def test_the_lecture_s_formula_is_the_usual_one():
    a, b = torch.randn(2, 4, 3, generator=generator(0))
    for gamma in (0.0, 0.5, 3.0):
        assert torch.allclose(guided(a, b, 1 + gamma), (1 + gamma) * a - gamma * b, atol=1e-6)
    assert torch.equal(guided(a, b, 0.0), b)


def test_an_exact_classifier_at_scale_one_makes_the_conditional_noise(places):
    x, t, labels = places
    none = torch.full_like(labels, -1)
    classify = lambda x, t: BOTH.part_probability(x, *SCHEDULE.rates(t, x)).log()  # noqa: E731
    push = classifier_guided(lambda x, t: told(x, t, none), classify, labels, scale=1.0, schedule=SCHEDULE)
    assert torch.allclose(push(x, t), told(x, t, labels), atol=1e-8)
    stronger = classifier_guided(lambda x, t: told(x, t, none), classify, labels, scale=3.0, schedule=SCHEDULE)
    assert torch.allclose(stronger(x, t), classifier_free(told, labels, 3.0)(x, t), atol=1e-8)  # the two kinds agree


def test_the_gradient_is_that_of_the_log_probability(places):
    x, t, labels = places
    classify = lambda x, t: torch.stack([x.sum(1), x.square().sum(1)], 1)  # noqa: E731
    found = class_gradient(classify, x, t, labels=labels)
    for k in range(len(x)):
        at = x[k].clone().requires_grad_()
        classify(at[None], t)[0].log_softmax(0)[labels[k]].backward()
        assert torch.allclose(found[k], at.grad)


def test_weights_zero_and_one_ask_once(places):
    x, t, labels = places
    asked = []

    def counted(x, t, labels):
        asked.append(len(x))
        return told(x, t, labels)

    assert torch.allclose(classifier_free(counted, labels, 1)(x, t), told(x, t, labels))
    assert torch.allclose(classifier_free(counted, labels, 0)(x, t), told(x, t, torch.full_like(labels, -1)))
    classifier_free(counted, labels, 2)(x, t)
    assert asked == [6, 6, 12]


def test_bad_input(places):
    x, _, labels = places
    refused(lambda: guided(x, x[:2], 1.0), "both must have one shape")
    refused(lambda: classifier_free(told, labels.float(), 1.0), "labels")
    refused(lambda: classifier_guided(told, told, labels, scale=-1.0, schedule=SCHEDULE), "scale must be 0 or more")
