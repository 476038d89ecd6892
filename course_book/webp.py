"""Pictures of the built book as WebP: half the bytes of the notebooks' JPEG and PNG, and every browser shows them.

A notebook keeps what Jupyter and its readers' tools can show. In the book, plots (PNG) are stored without loss and
photographs (JPEG) at QUALITY, where we see no difference at twice the size. Pictures have their digest for a name, so
that one that was made before is not made again; those with names of their own, which other sites show beside a link,
stay as they are.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

QUALITY, EFFORT = 86, 4
MADE_HERE = re.compile(r"[0-9a-f]{64}")
SHOWN = re.compile(r"(_images/[0-9a-f]{64})\.(?:png|jpe?g)\b")


def shrink(folder: Path) -> None:
    """Replace the pictures of notebooks by WebP; what pages say about them is for `renamed`.

    Args:
        folder: The built book's folder of pictures.
    """
    old = [path for path in sorted(folder.iterdir())
           if MADE_HERE.fullmatch(path.stem) and path.suffix in (".png", ".jpg", ".jpeg")]  # fmt: skip
    with ThreadPoolExecutor() as pool:  # encoding lets other threads run
        list(pool.map(_convert, old))


def renamed(page: str) -> str:
    """A page that shows the pictures that `shrink` has made; one that does already stays as it is."""
    return SHOWN.sub(r"\1.webp", page)


def _convert(path: Path) -> None:
    """Write a picture beside itself as WebP, unless it is there, and remove it."""
    target = path.with_suffix(".webp")
    if not target.exists():
        with Image.open(path) as picture:
            if path.suffix == ".png":
                clear = "A" in picture.getbands() or "transparency" in picture.info
                picture.convert("RGBA" if clear else "RGB").save(target, lossless=True, method=EFFORT)
            else:
                picture.save(target, quality=QUALITY, method=EFFORT)
    path.unlink()
