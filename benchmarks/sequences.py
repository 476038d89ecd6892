"""Attention, heads and the LSTM against torch's with the same weights: forward and backward, wanted at most 1.1.

torch's attention and its LSTM are fused kernels: they never write the table of weights, or the sums of one time step,
to memory. Ours do, because they are there to be read; the ratio says what the fused ones gain. Both sides are checked
to give the same numbers first. Beam search has no peer in torch: its rows compare it with greedy search.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.common import compare
from course_lib.core.device import available_devices
from course_lib.core.seeding import generator
from course_lib.data.scenes.parallel import CHINESE, ENGLISH, parallel_corpus
from course_lib.networks.attention import MultiHeadAttention, scaled_dot_product_attention
from course_lib.sequences.lstm import LSTM
from course_lib.sequences.seq2seq import Seq2Seq

FUSED = "torch's is one fused kernel"


def step(call: Callable[[Tensor], Tensor], x: Tensor, *modules: nn.Module) -> Callable[[], Tensor]:
    """A training step: the output's squares, and the gradients of the input and of all weights."""

    def forward_backward() -> Tensor:
        for module in modules:
            module.zero_grad(set_to_none=True)
        inputs = x.clone().requires_grad_()
        call(inputs).square().mean().backward()
        return inputs.grad

    return forward_backward


def rows(device: str) -> list[tuple[str, dict[str, Callable], dict[str, Callable]]]:
    """(title, ours, peer) of each comparison."""
    x = torch.randn(8, 8, 256, 64, generator=generator(0)).to(device)
    heads, peer = MultiHeadAttention(256, 8), nn.MultiheadAttention(256, 8, batch_first=True)
    heads.load_state_dict(peer.state_dict())
    lstm, other = LSTM(96, 96), nn.LSTM(96, 96, batch_first=True)
    lstm.load_state_dict(other.state_dict())
    for module in (heads, peer, lstm, other):
        module.to(device)
    words, texts = (torch.randn(8, 256, 256, generator=generator(1)).to(device),
                    torch.randn(64, 40, 96, generator=generator(2)).to(device))  # fmt: skip
    return [
        (f"Attention, 64 heads of 256 tokens x 64, {device}",
         {"attention": step(lambda q: scaled_dot_product_attention(q, q, q), x)},
         {"torch": step(lambda q: F.scaled_dot_product_attention(q, q, q), x)}),
        (f"Multi-head attention, 8 texts of 256 tokens x 256, {device}",
         {"MultiHeadAttention": step(heads, words, heads)},
         {"torch": step(lambda q: peer(q, q, q, need_weights=False)[0], words, peer)}),
        (f"LSTM, 64 texts of 40 words x 96, {device}",
         {"LSTM": step(lambda q: lstm(q)[0], texts, lstm)},
         {"torch": step(lambda q: other(q)[0], texts, other)}),
    ]  # fmt: skip


def run() -> None:
    """Print the comparisons on each device."""
    for device in available_devices():
        for title, ours, peers in rows(device):
            left, right = (next(iter(calls.values()))() for calls in (ours, peers))
            torch.testing.assert_close(left, right, rtol=1e-3, atol=1e-7)
            compare(f"{title}, forward and backward", ours, peers, FUSED)
    torch.manual_seed(0)
    model = Seq2Seq(len(ENGLISH), len(CHINESE))
    source = parallel_corpus(32, split="test").english
    beams = {f"beam of {k}": lambda k=k: model.translate(source, length=40, width=k) for k in (2, 4, 8)}
    compare("Writing 32 texts of 40 words", beams, {"greedy": lambda: model.translate(source, length=40)},
            "keeps and sorts as many sentences as it is wide", rounds=3)  # fmt: skip


if __name__ == "__main__":
    from benchmarks.common import settle

    settle()
    run()
