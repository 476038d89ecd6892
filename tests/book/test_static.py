"""A style or script that changed reaches every built page, also when no chapter changed."""

from __future__ import annotations

from course_book import build


def test_a_changed_or_missing_file_is_noticed_and_an_unchanged_one_is_not(tmp_path, monkeypatch):
    ours, built = tmp_path / "ours", tmp_path / "html"
    ours.mkdir()
    (built / "_static").mkdir(parents=True)
    monkeypatch.setattr(build, "STATIC", ours)
    monkeypatch.setattr(build, "HTML", built)
    (ours / "course.css").write_text("a {}")
    assert build._static_changed(), "not there yet"
    (built / "_static" / "course.css").write_text("a {}")
    (built / "_static" / "theme.css").write_text("the theme's own")
    assert not build._static_changed()
    (ours / "course.css").write_text("b {}")  # of the same length, perhaps in the same second
    assert build._static_changed()
