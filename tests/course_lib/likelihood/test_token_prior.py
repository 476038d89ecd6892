"""A prior on tokens: what a token depends on, probabilities that sum to one, and names that are no numbers."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.likelihood.masked import centred, draw_pixels, pixel_log_likelihood
from course_lib.likelihood.token_prior import TokenPrior


def prior(codes=3, **options):
    torch.manual_seed(0)
    return TokenPrior(codes, 8, 1, **options).double()


def read(model, tokens):
    """Scores, computed in double precision."""
    return model(centred(tokens, model.levels).double())


def test_probabilities_of_all_grids_sum_to_one():
    model = prior()
    every = torch.cartesian_prod(*[torch.arange(3)] * 4).view(-1, 2, 2)
    assert float(pixel_log_likelihood(model, every).exp().sum().detach()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("codes", [2, 3, 64, 511])
def test_every_token_is_read_as_itself(codes):
    model = prior(codes)
    model.vectors.weight.data = torch.arange(codes).double()[:, None].expand(codes, 16).clone()
    model.network = torch.nn.Identity()
    tokens = torch.arange(codes).view(1, 1, codes)
    assert torch.equal(read(model, tokens)[0, 0, 0], torch.arange(codes).double())


def test_a_token_depends_on_those_before_it_alone():
    model, tokens = prior(5), torch.randint(5, (1, 6, 6), generator=generator(0))
    scores = read(model, tokens)
    for place in range(36):
        other = tokens.clone()
        other.view(-1)[place] = (other.view(-1)[place] + 1) % 5
        changed = (read(model, other) != scores).any(1).flatten()
        assert not changed[: place + 1].any()
        assert place == 35 or changed[place + 1 :].any()


def test_drawing_uses_the_given_tokens():
    model = prior(4)
    given = torch.randint(4, (2, 4, 4), generator=generator(0))
    assert torch.equal(draw_pixels(model.float(), 2, (4, 4), generator=generator(1), given=given, known=16), given)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="at least 2"):
        TokenPrior(1)
