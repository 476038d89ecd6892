"""Captions in Chinese: the same statements in another grammar (chapters 14 and 15, for translation).

    the small red star                              那个 小 红色 五角星
    a red striped star left of a small grey ring    在 一个 小 灰色 圆环 的 左边 有 一个 红色 条纹 五角星
    two yellow discs                                有 两个 黄色 圆盘

Chinese names the landmark first and the object that is spoken of last; it has a measure word, and neither articles that
change before a vowel nor plurals. So the two languages differ in order and length, and a translator cannot go word by
word. Sentences are tables of token ids for the whole batch, like those of `captions`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_labels, describe
from course_lib.data.scenes.captions import NUMBERS, PLURALS, RELATIONS, SIZES, TOKEN, VOCABULARY
from course_lib.data.scenes.scene import COLOURS
from course_lib.data.scenes.shapes import CLASSES
from course_lib.data.scenes.textures import TEXTURES

WORDS = {
    **dict(zip(NUMBERS, ("两个", "三个", "四个", "五个", "六个", "七个", "八个", "九个"), strict=True)),
    **dict(zip(SIZES, ("小", "中等", "大"), strict=True)),
    **dict(zip(COLOURS, ("红色", "橙色", "黄色", "绿色", "青色", "蓝色", "紫色", "灰色"), strict=True)),
    **dict(zip(TEXTURES, ("纯色", "条纹", "格子", "砖纹", "草纹", "碎石纹", "硬币纹", "星空纹", "咖啡纹"),
               strict=True)),
    **dict(zip(CLASSES, ("正方形", "圆角方形", "五角星", "六角星", "圆盘", "圆环", "三角形", "楔形", "十字", "斜十字"),
               strict=True)),
    "a": "一个", "an": "一个", "the": "那个", "left": "左边", "right": "右边", "above": "上方", "below": "下方",
}  # fmt: skip
CHINESE_VOCABULARY = ("<pad>", "<start>", "<end>", "在", "的", "有", *dict.fromkeys(WORDS.values()))
CHINESE_TOKEN = {word: number for number, word in enumerate(CHINESE_VOCABULARY)}
CHINESE_LENGTH = 16  # tokens of the longest sentence, with <start> and <end>


def chinese_captions(tokens: Tensor) -> Tensor:
    """Say English captions in Chinese.

    Args:
        tokens: (B, 14) int64, as `write_captions` makes them.

    Returns:
        (B, 16) int64, index into CHINESE_VOCABULARY: <start>, words, <end>, then <pad>.

    Raises:
        ValueError: If tokens is no such table.
    """
    if not isinstance(tokens, Tensor) or tokens.ndim != 2:
        raise ValueError(f"tokens must be (B, L) int64 token ids of English captions, not {describe(tokens)}")
    check_labels("tokens", tokens.flatten(), len(VOCABULARY))
    word = _dictionary(tokens.device)[tokens]  # (B, L) each word in its place, 0 for what Chinese leaves out
    number = torch.arange(tokens.shape[1], device=tokens.device)
    marks = [TOKEN[relation] for relation, _ in RELATIONS]
    relation = torch.isin(tokens, torch.tensor(marks, device=tokens.device))  # (B, L)
    related = relation.any(1, keepdim=True)
    at = torch.where(related, relation.long().argmax(1, keepdim=True), tokens.shape[1])  # (B, 1) its place
    counted = torch.isin(tokens[:, 1:2], torch.tensor([TOKEN[name] for name in NUMBERS], device=tokens.device))
    # Places in the Chinese sentence, with gaps: landmark, 的, relation, 有, object.
    landmark, subject = number > at, (number > 0) & (number < at) & (tokens > 2)
    spoken = word > 0
    place = torch.where(landmark, number, torch.where(relation, 40 + number, 60 + number))
    place = torch.where(spoken & (landmark | subject | relation), place, 1000)
    extra = torch.tensor([CHINESE_TOKEN[k] for k in ("<start>", "在", "的", "有", "<end>")], device=tokens.device)
    extra_place = torch.tensor([-2, -1, 39, 59, 999], device=tokens.device).expand(len(tokens), -1).clone()
    extra_place[:, 1:3] = torch.where(related, extra_place[:, 1:3], 1000)
    extra_place[:, 3:4] = torch.where(related | counted, extra_place[:, 3:4], 1000)
    words = torch.cat([extra.expand(len(tokens), -1), word], 1)
    places = torch.cat([extra_place, place], 1)
    order = places.argsort(dim=1, stable=True)[:, :CHINESE_LENGTH]
    return words.gather(1, order).masked_fill(places.gather(1, order) == 1000, 0)


def _dictionary(device: torch.device) -> Tensor:
    """(English words,) int64: the Chinese token of each, 0 for <pad>, <start>, <end> and "of"."""
    singular = dict(zip(PLURALS, CLASSES, strict=True))
    chinese = [WORDS.get(singular.get(word, word), "<pad>") for word in VOCABULARY]
    return torch.tensor([CHINESE_TOKEN[word] for word in chinese], device=device)
