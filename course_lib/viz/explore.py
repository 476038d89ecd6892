"""Controls on a drawing function: live sliders in JupyterLab, a choice of ready pictures on the printed page."""

from __future__ import annotations

import base64
import itertools
import os
from collections.abc import Callable, Sequence
from typing import Any

from course_lib.viz.display import Shown, display, display_shown, kept

MOST_STATES = 24


def explore(draw: Callable[..., None], states: dict[str, Sequence] | None = None, **controls: Any) -> None:
    """Put controls on a drawing function.

    With a kernel they are live. On the printed page a reader clicks through pictures that were made while the chapter
    was executed: one for each combination of the values in `states`.

    Args:
        draw: Takes one keyword argument for each control and calls `show` once.
        states: For some controls, the values that the page offers; the first picture shown is that of the controls'
            first values, which are added where they are missing. Without it, that picture alone.
        **controls: ipywidgets controls, such as rate=FloatSlider(0.1, min=0, max=1).

    Raises:
        ValueError: If a state names no control, there are more than 24 combinations, or `draw` does not show exactly
            one figure.
    """
    states = states or {}
    unknown = set(states) - set(controls)
    if unknown:
        raise ValueError(f"states has {unknown.pop()!r}, but the controls are {', '.join(controls)}")
    if os.environ.get("COURSE_STATIC"):
        _print(draw, states, {name: control.value for name, control in controls.items()})
        return
    from ipywidgets import HBox, VBox, interactive_output

    for name, control in controls.items():
        control.description = control.description or label(name)
        control.continuous_update = False
    display(VBox([HBox(list(controls.values())), interactive_output(draw, controls)]))


def label(name: str) -> str:
    """What a control is called on the page."""
    return name.replace("_", " ")


def _print(draw: Callable[..., None], states: dict[str, Sequence], first: dict[str, Any]) -> None:
    """Draw all combinations and display the first, with the others and their controls beside it."""
    offered = {name: list(values) for name, values in states.items()}
    for name, values in offered.items():
        if first[name] not in values:
            offered[name] = (
                sorted([*values, first[name]]) if not isinstance(first[name], str) else [first[name], *values]
            )
    combinations = list(itertools.product(*(range(len(values)) for values in offered.values())))
    if len(combinations) > MOST_STATES:
        raise ValueError(f"states has {len(combinations)} combinations, the page offers at most {MOST_STATES}")
    pictures = {}
    for places in combinations:
        chosen = {name: offered[name][place] for name, place in zip(offered, places, strict=True)}
        pictures[places] = _one(draw, first | chosen)
    begin = tuple(values.index(first[name]) for name, values in offered.items())
    controls = [{"name": label(name), "values": [_text(v) for v in values]} for name, values in offered.items()]
    others = [_stored(places, shown) for places, shown in pictures.items()] if len(pictures) > 1 else []
    display_shown(pictures[begin], {"name": None, "controls": controls, "begin": list(begin), "states": others})


def _one(draw: Callable[..., None], settings: dict[str, Any]) -> Shown:
    with kept() as found:
        draw(**settings)
    if len(found) != 1:
        raise ValueError(f"the drawing function must show one figure, not {len(found)}, for {settings}")
    return found[0]


def _stored(places: Sequence[int], shown: Shown) -> dict[str, Any]:
    """A state as the notebook keeps it."""
    data = base64.b64encode(shown.data).decode()
    return {"at": list(places), "kind": shown.kind, "data": data, "caption": shown.caption, "alt": shown.alt}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, int | float) else str(value)
