"""The code book: nearest codes, gradients straight through, dead codes revived."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.likelihood.vector_quantise import VQVAE, VectorQuantiser, perplexity


@pytest.fixture
def book():
    torch.manual_seed(0)
    return VectorQuantiser(7, 3)


def test_the_nearest_code_equals_a_search(book):
    answers = torch.randn(2, 3, 4, 5, generator=generator(0))
    tokens = book.nearest(answers)
    for b, i, j in torch.cartesian_prod(torch.arange(2), torch.arange(4), torch.arange(5)):
        distances = (book.book - answers[b, :, i, j]).norm(dim=1)
        assert tokens[b, i, j] == distances.argmin()
    assert torch.equal(book.look_up(tokens)[1, :, 2, 3], book.book[tokens[1, 2, 3]])


def test_gradients_pass_straight_and_the_losses_pull_both_sides(book):
    answers = torch.randn(2, 3, 4, 4, generator=generator(0), requires_grad=True)
    codes, loss, tokens = book(answers)
    torch.testing.assert_close(codes, book.look_up(tokens))
    weights = torch.randn(codes.shape, generator=generator(1))
    (through,) = torch.autograd.grad((weights * codes).sum(), answers, retain_graph=True)
    torch.testing.assert_close(through, weights)
    to_answers, to_book = torch.autograd.grad(loss, (answers, book.book))
    gap = answers.detach() - book.look_up(tokens).detach()
    torch.testing.assert_close(to_answers, 0.25 * 2 * gap / gap.numel())
    wanted = torch.zeros_like(to_book)
    wanted.index_add_(0, tokens.flatten(), -2 * gap.movedim(1, -1).flatten(0, 2) / gap.numel())
    torch.testing.assert_close(to_book, wanted)


def test_dead_codes_come_to_life(book):
    answers = 5 + 0.1 * torch.randn(8, 3, 4, 4, generator=generator(0))
    before = book.usage(book.nearest(answers))
    dead = book.revive(answers, generator(0))
    after = book.usage(book.nearest(answers))
    assert dead == int((before == 0).sum()) >= 5
    assert perplexity(after) > 3 * perplexity(before)
    assert before.sum() == after.sum() == 8 * 16


def test_perplexity_counts_codes_in_equal_use():
    assert float(perplexity(torch.tensor([5, 5, 5, 0]))) == pytest.approx(3)
    assert float(perplexity(torch.tensor([9, 0, 0]))) == pytest.approx(1)


def test_tokens_decode_to_the_answer():
    torch.manual_seed(0)
    model, images = VQVAE(16, 4, width=8), torch.rand(2, 1, 12, 12, generator=generator(0))
    answer, _, tokens = model(images)
    assert tokens.shape == (2, 3, 3)
    torch.testing.assert_close(model.decode(tokens), answer, atol=1e-5, rtol=1e-4)


def test_bad_input_is_refused(book):
    with pytest.raises(ValueError, match="answers"):
        book.nearest(torch.zeros(3, 4))
    with pytest.raises(ValueError, match="at least one"):
        perplexity(torch.zeros(3))
