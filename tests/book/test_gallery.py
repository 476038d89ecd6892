"""What the landing page knows of the chapters, and how it draws their map."""

from __future__ import annotations

import base64
import io

import nbformat
import numpy as np
import pytest
from PIL import Image

from course_book import gallery, openings
from course_book.course_map import course_map, direct, rows
from course_book.gallery import picture_of, small
from course_book.openings import Chapter, chapters, place
from course_book.paths import all_chapters, notebook_path


def chapter(number: int, *needs: int) -> Chapter:
    return Chapter(f"{number:02d}_x", str(number), f"Title {number}", "标题", tuple(map(str, needs)), 10, "")


def test_the_openings_of_all_chapters_are_read():
    found = chapters()
    assert [c.name for c in found] == [name for name in all_chapters() if name[:2].isdigit()]
    assert all(c.minutes >= 20 and c.title and c.chinese for c in found)
    assert all(place(n) < place(c.number) for c in found for n in c.needs)
    assert any(len(c.needs) > 1 for c in found)


def test_needs_are_the_earlier_chapters_that_the_opening_names(tmp_path, monkeypatch):
    needs = "**You need** chapters 2, 3 and 5\nand later 7 (chapter 7). Reading takes about 90\nminutes."
    text = f"# 6. A title\n\n*标题*\n\nSee chapter 4.\n\n{needs}"
    (tmp_path / "06_a.md").write_text(text)
    monkeypatch.setattr(openings, "text_path", lambda name: tmp_path / f"{name}.md")
    assert openings.read("06_a") == Chapter("06_a", "6", "A title", "标题", ("2", "3", "5"), 90, "")
    (tmp_path / "06_a.md").write_text(text.replace("*标题*", ""))
    with pytest.raises(ValueError, match=r"^06_a: the opening wants '# N. Title'"):
        openings.read("06_a")


@pytest.mark.parametrize("chapter", chapters(), ids=lambda c: c.name)
def test_the_picture_that_the_syllabus_names_is_there(chapter):
    captions = [
        output.metadata.course.caption
        for cell in nbformat.read(notebook_path(chapter.name), as_version=4).cells
        for output in cell.get("outputs", ())
        if "caption" in output.get("metadata", {}).get("course", {}) and "image" in " ".join(output.data)
    ]
    assert any(caption.startswith(chapter.picture) for caption in captions), f"no figure begins: {chapter.picture}"
    assert len(picture_of(chapter)[1]) > 20


def test_without_a_named_picture_the_first_stands(tmp_path, monkeypatch):
    def figure(words):
        data = {"image/png": base64.b64encode(words.encode()).decode()}
        notes = {"course": {"caption": words}, "image/png": {"alt": f"alt of {words}"}}
        return nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", data, metadata=notes)])

    path = tmp_path / "a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[figure("one"), figure("two")]), path)
    monkeypatch.setattr(gallery, "notebook_path", lambda name: path)
    assert picture_of(chapter(1)) == (b"one", "alt of one")
    assert picture_of(Chapter("a", "1", "", "", (), 10, "tw")) == (b"two", "alt of two")


def test_the_second_page_of_a_chapter_has_its_number_and_counts_as_none(tmp_path, monkeypatch):
    needs = "**You need** chapters 4, 4b and 10, and chapter 2. Reading takes about 90 minutes."
    (tmp_path / "06b_a.md").write_text(f"# 6b. A title\n\n*标题*\n\n{needs}")
    monkeypatch.setattr(openings, "text_path", lambda name: tmp_path / f"{name}.md")
    read = openings.read("06b_a")
    assert (read.number, read.needs) == ("6b", ("2", "4", "4b"))
    pages = [chapter(4), Chapter("04b_x", "4b", "Title 4b", "标题", ("4",), 10, "")]
    assert "has 1 of" in gallery.today(pages)
    assert course_map(pages).count("<rect") == 2
    with pytest.raises(ValueError, match="such as 4 or 4b, not 'b4'"):
        place("b4")


def test_a_picture_is_made_small_on_the_cards_ground():
    written = io.BytesIO()
    Image.new("RGBA", (1400, 700), (0, 0, 0, 0)).save(written, "PNG")
    image = Image.open(io.BytesIO(small(written.getvalue())))
    assert image.size == (640, 320)
    assert np.abs(np.asarray(image).astype(int) - [0xFB, 0xFB, 0xF9]).max() <= 3


def test_a_chapter_stands_below_what_it_needs_three_in_a_row():
    all_ = [chapter(1), chapter(2), chapter(3), chapter(4), chapter(5, 1), chapter(6, 5, 1)]
    placed = {c.number: row for row, line in enumerate(rows(all_)) for c in line}
    assert all(placed[c.number] > placed[n] for c in all_ for n in c.needs)
    assert max(len(line) for line in rows(all_)) == 3
    assert direct(all_[5], all_) == ["5"], "1 is needed by 5 anyway"
    svg = course_map(all_)
    assert svg.count("<rect") == 6
    assert svg.count('class="arrow"') == 2
