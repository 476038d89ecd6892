"""A small video codec (chapter 4, "video-compression"): block motion, DCT, quantisation, arithmetic coding."""

from course_lib.codec.dct import dct_matrix, from_blocks, to_blocks, zigzag
from course_lib.codec.motion import compensate, diamond_search, full_search, refine_half_pixel
from course_lib.codec.range_coder import BitReader, BitWriter
from course_lib.codec.video import Encoded, decode_clip, encode_clip, rate, sequence_psnr

__all__ = [
    "BitReader",
    "BitWriter",
    "Encoded",
    "compensate",
    "dct_matrix",
    "decode_clip",
    "diamond_search",
    "encode_clip",
    "from_blocks",
    "full_search",
    "rate",
    "refine_half_pixel",
    "sequence_psnr",
    "to_blocks",
    "zigzag",
]
