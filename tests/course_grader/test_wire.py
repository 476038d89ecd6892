"""Plain values travel and come back equal, of exact base types; nothing else gets through in either direction."""

from __future__ import annotations

import contextlib
import io
import json
import struct

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from course_grader.wire import NotPlain, decode, encode

SIMPLE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.complex_numbers(allow_nan=False),
    st.text(), st.binary(),
)  # fmt: skip
VALUES = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.one_of(st.text(), st.integers(), st.tuples(st.integers())), inner, max_size=3),
    ),
    max_leaves=12,
)


def same(a: object, b: object) -> bool:
    """Equal in value and in exact type, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    return a == b


@given(VALUES)
def test_plain_values_come_back_equal(value):
    assert same(decode(encode(value)), value)


DTYPES = st.sampled_from(["?", "i1", "u8", "f2", "<f4", ">f8", "c16", "U3", "S2"])


@given(arrays(DTYPES, array_shapes(min_dims=0, min_side=0)))
def test_arrays_come_back_equal(array):
    back = decode(encode({"a": [array]}))["a"][0]
    assert type(back) is np.ndarray
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == np.ascontiguousarray(array).tobytes() or np.array_equal(back, array, equal_nan=True)


TENSORS = [torch.float32, torch.float64, torch.int64, torch.bool, torch.bfloat16, torch.complex64]


@pytest.mark.parametrize("dtype", TENSORS)
def test_tensors_come_back_equal_and_free_of_their_graph(dtype):
    tensor = (torch.arange(6).view(2, 3) - 2).to(dtype)
    if dtype.is_floating_point:
        tensor = torch.nn.Parameter(tensor)
    back = decode(encode(tensor))
    assert type(back) is torch.Tensor
    assert back.dtype == dtype
    assert not back.requires_grad
    assert torch.equal(back, tensor.detach())


def test_special_numbers_and_numpy_scalars():
    back = decode(encode([float("nan"), float("inf"), -0.0, np.float32(0.1), np.int8(-3), 10**300]))
    assert back[0] != back[0]
    assert back[1] == float("inf")
    assert str(back[2]) == "-0.0"
    assert (type(back[3]), back[3]) == (np.float32, np.float32(0.1))
    assert (type(back[4]), int(back[4])) == (np.int8, -3)
    assert back[5] == 10**300


class Liar(float):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = float.__hash__


class LyingArray(np.ndarray):
    def __eq__(self, other: object):
        return np.True_


class LyingList(list):
    def __iter__(self):
        return iter([1, 2, 3])

    def __len__(self) -> int:
        return 3


def test_subclasses_arrive_as_what_they_hold():
    back = decode(encode([Liar(2.0), np.zeros(2).view(LyingArray), LyingList([9])]))
    assert type(back[0]) is float
    assert back[0] != 3.0
    assert type(back[1]) is np.ndarray
    assert not (back[1] == 1).any()
    assert same(back[2], [9])


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


CYCLE: list = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (object(), "a value of type object does not travel"),
        (lambda: 1, "a value of type function does not travel"),
        ({1, 2}, "a value of type set does not travel"),
        ((i for i in range(3)), "a value of type generator does not travel"),
        (np.array([object()]), "an array of dtype object does not travel"),
        (np.zeros(2, dtype=[("a", "f8")]), "does not travel"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "does not travel"),
        (torch.eye(2).to_sparse(), "a tensor of layout torch.sparse_coo does not travel"),
        (torch.zeros(1, device="meta"), "a tensor that is meta does not travel"),
        (torch.nested.nested_tensor([torch.zeros(1)]), "a tensor that is nested does not travel"),
        (torch.quantize_per_tensor(torch.zeros(1), 0.1, 0, torch.quint8), "a tensor that is quantized does not travel"),
        (torch.nn.UninitializedParameter(), "a tensor that is uninitialised does not travel"),
        (CYCLE, "nested more than 50 deep, or contains itself"),
        (nested(60), "nested more than 50 deep"),
        (1 << 5000, "a whole number of 5001 bits does not travel"),
        (np.broadcast_to(np.zeros(1), (10**5, 10**5)), "the value is too large"),
        ([0] * 1_000_001, "the value is too large"),
        ("x" * 70_000_000, "the value is too large"),
    ],
)
def test_what_does_not_travel(value, reason):
    with pytest.raises(NotPlain, match=reason) as error:
        encode(value)
    assert "\n" not in str(error.value)


def message(tree: object, *bodies: bytes) -> bytes:
    head = json.dumps(tree).encode()
    parts = [struct.pack(">I", len(head)), head]
    for body in bodies:
        parts += [struct.pack(">Q", len(body)), body]
    return b"".join(parts)


def npy(header: str, body: bytes = b"") -> bytes:
    text = header.encode() + b" " * (64 - (10 + len(header) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


@pytest.mark.parametrize(
    "bad",
    [
        b"", b"\0\0", b"\xff\xff\xff\xff{}", message(["array", 0]), message(["array", -1], npy("{}")),
        message(["array", True]),
        message(["pickle", "gASV"]), message({"a": 1}), message(3), message(["int", 3]), message(["int", "zz"]),
        message(["float", "1" * 400]), message(["dict", [[["list", []], 1]]]), message(["list", 5]),
        message(["array", 0], b"no array"),
        message(["array", 0], npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", b"12345678")),
        message(["array", 0], npy("{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000,), }")),
        message(["array", 0], npy("__import__('os').system('true')")),
        message(["array", 0])[:-1] + struct.pack(">Q", 1 << 60),
        message(json.loads('["list", [' * 60 + "1" + "]]" * 60)),
    ],
)  # fmt: skip
def test_broken_messages_are_refused_in_one_line(bad: bytes):
    with pytest.raises(NotPlain) as error:
        decode(bad)
    assert "\n" not in str(error.value)


@given(st.binary(max_size=80))
def test_random_bytes_never_raise_anything_else(noise: bytes):
    for content in (noise, encode([1, np.zeros(3)])[: len(noise)] + noise):
        with contextlib.suppress(NotPlain):
            decode(content)


def test_a_message_larger_than_the_limit_is_refused_on_both_sides(monkeypatch):
    fine = encode(np.zeros(100))
    with pytest.raises(NotPlain, match=r"the message has \d+ bytes; 50 are allowed"):
        decode(fine, largest=50)
    with pytest.raises(NotPlain, match=r"the value is too large|are allowed"):
        encode(np.zeros(100), largest=500)


def test_arrays_of_objects_are_never_unpickled(monkeypatch):
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    monkeypatch.setattr("pickle.load", lambda *a, **k: pytest.fail("unpickled"))
    with pytest.raises(NotPlain, match="an array of dtype object does not travel"):
        decode(message(["array", 0], buffer.getvalue()))
