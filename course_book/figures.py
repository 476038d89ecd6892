"""How the book shows a figure that `course_lib.viz.show` made: numbered, captioned, with its alternative text.

A plug-in of MyST-NB (entry point `myst_nb.mime_renderers`): it reads the caption, label and alt text that lie beside
the picture in the stored output, and leaves out the caption that a notebook shows below the picture.
"""

from __future__ import annotations

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
        (image,) = renderer.render_image(data)
        image["alt"] = data.output_metadata[data.mime_type]["alt"]
        words = renderer.renderer.nested_render_text
        holder = nodes.Element()
        with renderer.renderer.current_node_context(holder):
            words(notes["caption"], data.line, inline=True)
        figure = nodes.figure("", image, nodes.caption(notes["caption"], "", *holder.children), align="center")
        if notes.get("name"):
            figure["names"].append(nodes.fully_normalize_name(notes["name"]))
            renderer.renderer.document.note_explicit_target(figure, figure)
        return [figure]
