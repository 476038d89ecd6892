"""Fields survive their file, with an error that the bits bound."""

from __future__ import annotations

import pytest
import torch

from course_lib.fields.coordinates import CoordinateNetwork
from course_lib.fields.packing import pack_field, unpack_field

from ..refusals import refused


def network(seed: int) -> CoordinateNetwork:
    torch.manual_seed(seed)
    return CoordinateNetwork(3, (2, 2, 1), hidden=16)


@pytest.mark.parametrize("bits", [4, 8, 12])
def test_weights_come_back_within_half_a_step(bits):
    field, blank = network(0), network(1)
    before = [p.clone() for p in blank.parameters()]
    back = unpack_field(pack_field(field, bits), blank, bits)
    for mine, true in zip(back.parameters(), field.parameters(), strict=True):
        step = float((true.max() - true.min()).detach()) / (2**bits - 1)
        assert float((mine - true).abs().max()) <= 0.51 * step + 1e-6
    assert all(torch.equal(a, b) for a, b in zip(before, blank.parameters(), strict=True))


def test_fewer_bits_are_fewer_bytes_and_eight_are_at_most_one_each():
    field = network(0)
    sizes = [len(pack_field(field, bits)) for bits in (4, 6, 8, 12)]
    assert sizes == sorted(sizes)
    assert sizes[2] < sum(p.numel() for p in field.parameters()) + 200


def test_bad_input():
    refused(lambda: pack_field(network(0), 17), "1 to 16")
    refused(lambda: unpack_field(pack_field(network(0)), CoordinateNetwork(3, 1, hidden=8)), "the file holds")
