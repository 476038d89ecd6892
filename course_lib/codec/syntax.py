"""What stands in the bytes, in which order (chapter 4, "video-compression").

    vector   difference to the vector on its left, x then y
    block    [key frames: mean - mean of the block before]  empty?  { zeros skipped, value, last? } in zigzag order

A value is never 0, so it is sent as one less in size. Contexts tell low from high frequencies, because these have
other habits: the arithmetic coder learns each habit on its own.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.codec.dct import SIDE, zigzag
from course_lib.codec.range_coder import BitReader, BitWriter

ORDER = zigzag()


def write_vectors(writer: BitWriter, vectors: Tensor) -> None:
    """Write (rows, columns, 2) vectors, each as difference to the one on its left."""
    for row in vectors.tolist():
        left = [0, 0]
        for vector in row:
            for axis in (0, 1):
                writer.signed(("vector", axis), vector[axis] - left[axis])
            left = vector


def read_vectors(reader: BitReader, rows: int, columns: int) -> Tensor:
    """The inverse of `write_vectors`, (rows, columns, 2) int64."""
    found = []
    for _ in range(rows):
        left = [0, 0]
        for _ in range(columns):
            left = [left[axis] + reader.signed(("vector", axis)) for axis in (0, 1)]
            found.append(left)
    return torch.tensor(found).view(rows, columns, 2)


def write_plane(writer: BitWriter, levels: Tensor, kind: tuple[bool, bool]) -> None:
    """Write (rows, columns, 8, 8) levels in reading order; in key frames each mean as difference to the one before.

    `kind` says whether it is a key frame and whether it is a colour plane: each kind has probabilities of its own.
    """
    first = int(kind[0])  # key frames send coefficient 0 apart
    mean = 0
    for block in levels.flatten(2).flatten(0, 1)[:, ORDER.to(levels.device)].long().tolist():  # 64 numbers
        if first:
            writer.signed((kind, "mean"), block[0] - mean)
            mean = block[0]
        places = [place for place in range(first, 64) if block[place]]
        writer.bit((kind, "empty"), int(not places))
        past = first
        for place in places:
            value = block[place]
            zone = min(past, 4)
            writer.unsigned((kind, "run", zone), place - past)
            writer.signed((kind, "value", zone), value - (1 if value > 0 else 0))
            past = place + 1
            if past < 64:
                writer.bit((kind, "last", min(past, 12)), int(place == places[-1]))


def read_plane(reader: BitReader, rows: int, columns: int, *, kind: tuple[bool, bool]) -> Tensor:
    """The inverse of `write_plane`, (rows, columns, 8, 8) int64."""
    first, mean = int(kind[0]), 0
    blocks = torch.zeros(rows * columns, 64, dtype=torch.int64)
    for block in blocks.numpy():
        if first:
            mean += reader.signed((kind, "mean"))
            block[0] = mean
        if reader.bit((kind, "empty")):
            continue
        past, last = first, 0
        while past < 64 and not last:
            zone = min(past, 4)
            place = past + reader.unsigned((kind, "run", zone))
            value = reader.signed((kind, "value", zone))
            if place > 63:
                raise ValueError("the bytes are damaged: a block with more than 64 coefficients")
            block[place] = value + (1 if value >= 0 else 0)
            past = place + 1
            last = reader.bit((kind, "last", min(past, 12))) if past < 64 else 1
    out = torch.zeros_like(blocks)
    out[:, ORDER] = blocks
    return out.view(rows, columns, SIDE, SIDE)
