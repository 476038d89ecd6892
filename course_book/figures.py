"""How the book shows a figure that `course_lib.viz.show` made: captioned, with its alternative text, loaded when seen.

A plug-in of MyST-NB (entry point `myst_nb.mime_renderers`): it reads the caption, label and alt text that lie beside
the picture in the stored output, and leaves out the caption that a notebook shows below the picture. A demonstration
(`course_lib.viz.explore`) becomes a group of controls and one figure for each state; `course.js` shows the chosen one,
and without JavaScript the first one stands.
"""

from __future__ import annotations

import html
from dataclasses import replace
from typing import Any

from docutils import nodes
from myst_nb.core.render import MimeData, MimeRenderPlugin, NbElementRenderer

PICTURES = ("image/png", "image/jpeg")


class CaptionedFigure(MimeRenderPlugin):
    """Turns an output with course metadata into a docutils figure."""

    mime_priority_overrides = ()

    @staticmethod
    def handle_mime(renderer: NbElementRenderer, data: MimeData, inline: bool) -> list[nodes.Element] | None:
        """The figure's nodes, nothing for a caption that is already in its figure, or None for other outputs."""
        notes = data.output_metadata.get("course", {})
        if inline or not notes:
            return None
        if notes.get("is_caption"):
            return []
        if data.mime_type not in PICTURES:
            return None
        if notes.get("states"):
            return [_demonstration(renderer, data, notes)]
        figure = _figure(renderer, data, notes["caption"])
        if notes.get("name"):
            figure["names"].append(nodes.fully_normalize_name(notes["name"]))
            renderer.renderer.document.note_explicit_target(figure, figure)
        return [figure]


def _figure(renderer: NbElementRenderer, data: MimeData, caption: str) -> nodes.figure:
    """One picture with its words."""
    (image,) = renderer.render_image(data)
    image["alt"] = data.output_metadata[data.mime_type]["alt"]
    image["loading"] = "lazy"
    words = renderer.renderer.nested_render_text
    holder = nodes.Element()
    with renderer.renderer.current_node_context(holder):
        words(caption, data.line, inline=True)
    return nodes.figure("", image, nodes.caption(caption, "", *holder.children), align="center")


def _demonstration(renderer: NbElementRenderer, data: MimeData, notes: dict[str, Any]) -> nodes.container:
    """Controls, and a figure for each state; all but the first are hidden until they are chosen."""
    whole = nodes.container(classes=["course-explore"])
    whole += nodes.raw("", controls(notes, f"explore-{data.cell_index}-{data.output_index}"), format="html")
    width = data.output_metadata[data.mime_type]["width"]
    for state in notes["states"]:
        words = {state["kind"]: {"alt": state["alt"], "width": width}}
        one = replace(data, mime_type=state["kind"], content=state["data"], output_metadata=words)
        chosen = [] if state["at"] == notes["begin"] else ["course-hidden"]
        place = "-".join(map(str, state["at"]))
        held = nodes.container(classes=["course-state", f"course-at-{place}", *chosen])
        held += _figure(renderer, one, state["caption"])
        whole += held
    return whole


def controls(notes: dict[str, Any], name: str) -> str:
    """The form above a demonstration, as HTML; it appears when `course.js` runs."""
    parts = []
    for number, (control, place) in enumerate(zip(notes["controls"], notes["begin"], strict=True)):
        label, values = html.escape(control["name"]), [html.escape(value) for value in control["values"]]
        if len(values) < 2:
            continue
        options = "".join(
            f'<option value="{n}"{" selected" if n == place else ""}>{value}</option>' for n, value in enumerate(values)
        )
        key = f"{name}-{number}"
        select = f'<select id="{key}" data-place="{number}">{options}</select>'
        parts.append(f'<span><label for="{key}">{label}</label> {select}</span>')
    first = "-".join(map(str, notes["begin"]))
    inside = f"<fieldset><legend>Choose what the figure shows</legend>{''.join(parts)}</fieldset>"
    return f'<form hidden class="course-controls" data-first="{first}">{inside}</form>'
