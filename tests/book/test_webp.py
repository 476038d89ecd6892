"""Pictures become WebP: plots without loss, photographs nearly so, names of their own stay, and pages follow."""

import numpy as np
import pytest
from PIL import Image

from course_book.webp import renamed, shrink

PLOT, PHOTOGRAPH = "a" * 64, "b" * 64


@pytest.fixture
def small(tmp_path):
    """A built book of one page with a plot, a photograph and a picture with a name of its own."""
    folder = tmp_path / "_images"
    folder.mkdir()
    y, x = np.mgrid[:90, :120]
    waves = np.stack([127 + 100 * np.sin(x / 9), 127 + 100 * np.cos(y / 7), x + y], -1).astype(np.uint8)
    Image.fromarray((waves > 127).astype(np.uint8) * 255).quantize(8).save(folder / f"{PLOT}.png")
    Image.fromarray(waves).save(folder / f"{PHOTOGRAPH}.jpg", quality=90)
    Image.fromarray(waves).save(folder / "01_opening.jpg")
    page = f'<a href="../_images/{PLOT}.png"><img src="../_images/{PLOT}.png"></a><img src="_images/{PHOTOGRAPH}.jpg">'
    (tmp_path / "page.html").write_text(f'{page}<meta content="https://x/_images/01_opening.jpg">')
    return tmp_path


def test_plots_keep_every_pixel_and_photographs_nearly(small):
    plot = np.asarray(Image.open(small / "_images" / f"{PLOT}.png").convert("RGB"))
    photograph = np.asarray(Image.open(small / "_images" / f"{PHOTOGRAPH}.jpg")).astype(float)
    shrink(small / "_images")
    assert np.array_equal(np.asarray(Image.open(small / "_images" / f"{PLOT}.webp").convert("RGB")), plot)
    error = np.asarray(Image.open(small / "_images" / f"{PHOTOGRAPH}.webp").convert("RGB")) - photograph
    assert 0 < np.abs(error).mean() < 4


def test_pages_follow_and_names_of_their_own_stay(small):
    shrink(small / "_images")
    assert {path.name for path in (small / "_images").iterdir()} == {
        f"{PLOT}.webp", f"{PHOTOGRAPH}.webp", "01_opening.jpg"}  # fmt: skip
    page = renamed((small / "page.html").read_text())
    assert renamed(page) == page
    assert page.count(f"../_images/{PLOT}.webp") == 2
    assert f"_images/{PHOTOGRAPH}.webp" in page
    assert "_images/01_opening.jpg" in page


def test_a_picture_that_was_made_before_is_not_made_again(small):
    shrink(small / "_images")
    made = small / "_images" / f"{PLOT}.webp"
    made.write_bytes(b"as it was")
    Image.new("RGB", (4, 4)).save(small / "_images" / f"{PLOT}.png")
    shrink(small / "_images")
    assert made.read_bytes() == b"as it was"
    assert not made.with_suffix(".png").exists()


def test_a_browser_shows_every_picture_of_a_chapter(wide, book):
    page = wide.new_page()
    page.goto(f"{book}/chapters/09_semantic_segmentation.html")
    found = page.evaluate("""async () => {
        const pictures = [...document.querySelectorAll('article img')];
        pictures.forEach(one => one.loading = 'eager');
        await Promise.all(pictures.map(one => one.decode().catch(() => null)));
        return pictures.map(one => [one.currentSrc, one.naturalWidth]);
    }""")
    assert sum(".webp" in source for source, _ in found) > 10
    assert all(width > 0 for _, width in found), [source for source, width in found if not width]
