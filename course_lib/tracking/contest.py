"""The trackers that chapter 13 compares, built alike wherever they are compared ("tracking-metrics").

    make = contestants(encoder, (0, 1, 2))        from a name to a function
    tracker = make["KCF"](0.05)                   from a rate of forgetting to a tracker

All have settings near those of their papers, which were not tuned here; the last two read a grid of PLACES x PLACES
and differ in their layers alone. Scales, places and sides are the same for all clips. The encoder is used as it is:
put it into evaluation mode before. Recipes and benchmarks build their trackers here, so that the times of a card are
those of the trackers whose overlap stands beside them; a new tracker enters the contest by a line of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from course_lib.networks.backbones.scene_encoder import Pyramid
from course_lib.tracking.hcf import HCF, network_layers, pixel_layers
from course_lib.tracking.kcf import KCF
from course_lib.tracking.mosse import MOSSE
from course_lib.tracking.tracker import Tracker

SCALES = (0.97, 1.0, 1.03)
PLACES, SIDE = 32, 64


def contestants(encoder: Pyramid | None, levels: Sequence[int] = (0, 1, 2)) -> dict[str, Callable[[float], Tracker]]:
    """From a rate to a tracker, by name.

    Args:
        encoder: Whose maps HCF reads; without it there is no HCF.
        levels: Which of them, finest first.
    """
    made: dict[str, Callable[[float], Tracker]] = {
        "MOSSE": lambda rate: MOSSE(rate),
        "KCF": lambda rate: KCF(rate=rate),
        "KCF, three sizes": lambda rate: KCF(rate=rate, scales=SCALES),
        "raw pixels": lambda rate: HCF(pixel_layers(PLACES), rate, side=SIDE),
    }
    if encoder is not None:
        layers = network_layers(encoder, levels, PLACES)
        made["HCF"] = lambda rate: HCF(layers, rate, side=SIDE)
    return made
