"""Formulas as MathML, which a browser shows by itself: feedback and formgrader need no network for them.

latex2mathml reads the formula, a stranger's too. What it makes is taken apart again: of each element only text and a
few attributes of layout are kept, so that no formula can make a link, run something or dress up as another part of the
page. What cannot be read is shown as it was typed.
"""

from __future__ import annotations

import html
import re
from xml.etree import ElementTree

from latex2mathml.converter import convert_to_element

LONGEST = 4_000  # characters; a formula beyond that is no formula
LAYOUT = set(re.findall(r"\w+", """
    xmlns display displaystyle scriptlevel stretchy fence separator form movablelimits symmetric minsize maxsize accent
    accentunder mathvariant width height depth voffset lspace rspace linethickness columnalign rowspacing columnspacing
    columnlines rowlines frame notation mathcolor
"""))  # fmt: skip


def mathml(source: str, display: str) -> str:
    """A formula of TeX as MathML, or as it was typed.

    Args:
        source: What stands between the dollars.
        display: "inline" or "block".

    Returns:
        Safe to stand in a page, whoever wrote the source.
    """
    typed = f"<code>{html.escape(source.strip())}</code>"
    if not source.strip() or len(source) > LONGEST:
        return typed
    try:
        formula = convert_to_element(source, display=display)
        for element in formula.iter():
            element.text, element.tail = html.unescape(element.text or ""), html.unescape(element.tail or "")
            for name in set(element.attrib) - LAYOUT:
                del element.attrib[name]
        return ElementTree.tostring(formula, encoding="unicode")
    except Exception:  # the reader has errors of many kinds, and a stranger finds more
        return typed
