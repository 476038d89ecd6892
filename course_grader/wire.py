"""What may pass between the judge and a student's process: plain data, copied, with a size limit.

A value travels as JSON; arrays stand in it as references to .npy bytes (never pickle). What comes out at the other end
is made here from base types, so that no subclass, no lying __eq__ and no file handle of a student ever reaches a test.

    kinds: None, bool, int, float, complex, str, bytes, list, tuple, dict, numpy arrays and scalars, torch tensors

A message is: 4 bytes length of the JSON, the JSON, then for each array 8 bytes length and its .npy bytes.
"""

from __future__ import annotations

import io
import json
import math
import socket
import struct
import sys
from typing import Any

import numpy as np

LARGEST_MESSAGE = 64_000_000  # bytes
DEEPEST = 50  # nesting
MOST_ITEMS = 1_000_000  # values in one message
KINDS = frozenset("biufcSU")  # numpy's bool, integers, floats, complex, bytes, str: no objects, no records


class NotPlain(ValueError):
    """A value that does not travel, or a message that is no message; one line."""


def encode(value: object, largest: int = LARGEST_MESSAGE) -> bytes:
    """Write a value as a message.

    Args:
        value: Plain data, nested at most 50 deep. Subclasses (bool is its own kind) are written as their base type.
        largest: Limit of the message in bytes.

    Raises:
        NotPlain: For anything else, a cycle, or too much of it.
    """
    arrays: list[bytes] = []
    budget = [MOST_ITEMS, largest]
    tree = _pack(value, arrays, 0, budget)
    try:
        head = json.dumps(tree, allow_nan=False).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError) as error:
        raise NotPlain(f"the value cannot be written: {str(error)[:100]}") from None
    parts = [struct.pack(">I", len(head)), head]
    for array in arrays:
        parts += [struct.pack(">Q", len(array)), array]
    message = b"".join(parts)
    if len(message) > largest:
        raise NotPlain(f"the value takes {len(message):,} bytes; {largest:,} are allowed")
    return message


def decode(message: bytes, largest: int = LARGEST_MESSAGE) -> Any:
    """Read a message that a stranger wrote.

    Returns:
        The value, made of exact base types, numpy arrays, and torch tensors where tensors were sent.

    Raises:
        NotPlain: If the message is broken in any way.
    """
    if len(message) > largest:
        raise NotPlain(f"the message has {len(message):,} bytes; {largest:,} are allowed")
    try:
        (length,) = struct.unpack_from(">I", message)
        tree = json.loads(message[4 : 4 + length].decode("utf-8", "surrogatepass"))
        arrays, place = [], 4 + length
        while place < len(message):
            (size,) = struct.unpack_from(">Q", message, place)
            body = message[place + 8 : place + 8 + size]
            if len(body) != size:
                raise NotPlain("the message ends too early")
            arrays.append(_read_array(body))
            place += 8 + size
        return _unpack(tree, arrays, 0)
    except NotPlain:
        raise
    except (struct.error, ValueError, TypeError, KeyError, IndexError, RecursionError, OverflowError) as error:
        raise NotPlain(f"the message is broken: {type(error).__name__}") from None


def send(connection: socket.socket, message: bytes) -> None:
    """Send one message over a stream, after its length."""
    connection.sendall(struct.pack(">Q", len(message)) + message)


def receive(connection: socket.socket, largest: int = LARGEST_MESSAGE) -> Any:
    """Wait for one message and decode it.

    Raises:
        EOFError: The other end is closed.
        NotPlain: What came is no message.
    """
    (length,) = struct.unpack(">Q", _read(connection, 8))
    if length > largest:
        raise NotPlain(f"the message has {length:,} bytes; {largest:,} are allowed")
    return decode(_read(connection, length), largest)


def _read(connection: socket.socket, size: int) -> bytes:
    """Exactly so many bytes."""
    parts, missing = [], size
    while missing:
        part = connection.recv(min(missing, 1 << 20))
        if not part:
            raise EOFError("the other end is closed")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _spend(budget: list[int], size: int) -> None:
    """Count one value and its bytes; stop before memory does."""
    budget[0] -= 1
    budget[1] -= size
    if budget[0] < 0 or budget[1] < 0:
        raise NotPlain(f"the value is too large: at most {MOST_ITEMS:,} items and {LARGEST_MESSAGE:,} bytes travel")


def _pack(value: object, arrays: list[bytes], depth: int, budget: list[int]) -> Any:
    """A JSON tree in which everything but None, bool and str is a list [kind, content]."""
    if depth > DEEPEST:
        raise NotPlain(f"the value is nested more than {DEEPEST} deep, or contains itself")
    _spend(budget, 8)
    if value is None or value is True or value is False:
        return value
    torch = sys.modules.get("torch")  # only who has loaded torch can have a tensor
    if torch is not None and isinstance(value, torch.Tensor):
        odd = [what for what in ("meta", "nested", "quantized") if getattr(value, f"is_{what}")]
        if odd or isinstance(value, torch.nn.parameter.UninitializedTensorMixin):
            raise NotPlain(f"a tensor that is {(odd or ['uninitialised'])[0]} does not travel")
        array = torch.Tensor.detach(value).cpu().resolve_conj().resolve_neg()
        if array.layout is not torch.strided:
            raise NotPlain(f"a tensor of layout {array.layout} does not travel")
        if array.dtype is torch.bfloat16:
            return ["bfloat16", _pack_array(array.float().numpy(), arrays, budget)]
        return ["tensor", _pack_array(array.numpy(), arrays, budget)]
    if isinstance(value, np.ndarray):
        return ["array", _pack_array(value, arrays, budget)]
    if isinstance(value, np.generic):
        return ["scalar", _pack_array(np.asarray(value), arrays, budget)]
    if isinstance(value, str):
        text = str.__str__(value)
        _spend(budget, len(text))
        return text
    if isinstance(value, bytes):
        _spend(budget, len(value))
        return ["bytes", bytes(value).hex()]
    if isinstance(value, int):
        number = int.__index__(value)
        if number.bit_length() > 4096:
            raise NotPlain(f"a whole number of {number.bit_length()} bits does not travel")
        return ["int", hex(number)]
    if isinstance(value, float):
        return ["float", float.hex(float.__float__(value))]
    if isinstance(value, complex):
        return ["complex", [float.hex(complex.real.__get__(value)), float.hex(complex.imag.__get__(value))]]
    if isinstance(value, list):
        return ["list", [_pack(item, arrays, depth + 1, budget) for item in list.__iter__(value)]]
    if isinstance(value, tuple):
        return ["tuple", [_pack(item, arrays, depth + 1, budget) for item in tuple.__iter__(value)]]
    if isinstance(value, dict):
        pairs = [[_pack(part, arrays, depth + 1, budget) for part in pair] for pair in dict.items(value)]
        return ["dict", pairs]
    raise NotPlain(f"a value of type {type(value).__name__} does not travel; return numbers, strings, lists or arrays")


def _pack_array(value: np.ndarray, arrays: list[bytes], budget: list[int]) -> int:
    """Keep an array as .npy bytes; its number."""
    array = np.array(value, copy=None, subok=False)
    if array.dtype.kind not in KINDS:
        raise NotPlain(f"an array of dtype {array.dtype} does not travel")
    _spend(budget, array.nbytes)
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    arrays.append(buffer.getvalue())
    return len(arrays) - 1


def _read_array(body: bytes) -> np.ndarray:
    """An array whose claimed size fits its bytes, so that a header cannot make the reader allocate."""
    buffer = io.BytesIO(body)
    version = np.lib.format.read_magic(buffer)
    if version != (1, 0):
        raise NotPlain("the array's header is of another version")
    shape, _, dtype = np.lib.format.read_array_header_1_0(buffer)
    if dtype.kind not in KINDS or dtype.hasobject:
        raise NotPlain(f"an array of dtype {dtype} does not travel")
    if math.prod(shape) * dtype.itemsize != len(body) - buffer.tell():
        raise NotPlain("the array's header does not fit its size")
    buffer.seek(0)
    return np.lib.format.read_array(buffer, allow_pickle=False)


def _unpack(tree: Any, arrays: list[np.ndarray], depth: int) -> Any:
    """The value of a JSON tree; every kind is checked before it is used."""
    if depth > DEEPEST + 1:
        raise NotPlain("the message is nested too deeply")
    if tree is None or isinstance(tree, bool | str):
        return tree
    kind, content = tree
    if kind in ("array", "tensor", "bfloat16", "scalar"):
        if not isinstance(content, int) or content < 0:
            raise NotPlain("the message names an array that is not there")
        array = arrays[content]
        if kind in ("tensor", "bfloat16"):
            import torch  # only here: a judge that gets no tensors need not load it

            tensor = torch.from_numpy(array.copy())
            return tensor.bfloat16() if kind == "bfloat16" else tensor
        return array[()] if kind == "scalar" else array
    if kind == "bytes":
        return bytes.fromhex(content)
    if kind == "int":
        return int(content, 16)
    if kind == "float":
        return float.fromhex(content)
    if kind == "complex":
        return complex(float.fromhex(content[0]), float.fromhex(content[1]))
    if kind in ("list", "tuple"):
        items = [_unpack(item, arrays, depth + 1) for item in content]
        return items if kind == "list" else tuple(items)
    if kind == "dict":
        return {_unpack(key, arrays, depth + 1): _unpack(value, arrays, depth + 1) for key, value in content}
    raise NotPlain(f"the message has a value of unknown kind {str(kind)[:20]!r}")
