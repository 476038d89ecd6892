"""Show written answers as they were written: a stranger's Markdown, in which nothing runs.

Raw HTML appears as text, so that "if mse<eps" stays readable, links lead to ordinary pages only, and formulas are
MathML, here and in the course's own cells. nbconvert finds the filter by its setting in nbgrader_config.py:

    c.HTMLExporter.filters = {"markdown2html": "course_grader.written.markdown"}
"""

from __future__ import annotations

import html
import re

from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from course_grader.formulas import mathml

HARMLESS = re.compile(r"(https?|mailto):|data:image/(png|jpeg|gif|webp);", re.IGNORECASE)
SCHEME = re.compile(r"[^/?#]*:")


class Own(IPythonRenderer):
    """Markdown of the course itself, with formulas that need no network."""

    def inline_math(self, body: str) -> str:
        """Called for $...$."""
        return mathml(body, "inline")

    def block_math(self, body: str) -> str:
        """Called for $$...$$."""
        return mathml(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        """Called for an environment without dollars."""
        return mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")


class Written(Own):
    """Markdown of somebody who may not write HTML."""

    def __init__(self) -> None:
        super().__init__(escape=True, allow_harmful_protocols=False)

    def safe_url(self, url: str) -> str:
        """The address of a link or a picture, or a place on this page where it could run something."""
        plain = re.sub(r"[\x00-\x20\x7f-\x9f\u200b-\u200f\u2028\u2029]", "", html.unescape(url))
        return html.escape(url) if HARMLESS.match(plain) or not SCHEME.match(plain) else "#not-a-link"

    def block_mermaidjs(self, code: str) -> str:
        """A diagram is shown as its text."""
        return f"<pre><code>{html.escape(code)}</code></pre>\n"

    def _embed_image_or_attachment(self, src: str) -> str:
        """The source of a picture; only the text of a cell is handed in, not what is attached to it."""
        return "#not-handed-in" if src.startswith("attachment:") else src


@pass_context
def markdown(context: Context, source: str) -> str:
    """Markdown to HTML: of an answer as above, of the course's own cells as nbconvert does it."""
    meta = context.get("cell", {}).get("metadata", {}).get("nbgrader", {})
    if not meta or (meta.get("locked") and not meta.get("solution")):
        return MarkdownWithMath(renderer=Own(escape=False)).render(source)
    return MarkdownWithMath(renderer=Written()).render(source)
