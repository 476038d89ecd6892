"""Load matplotlib's list of fonts in silence.

Making that list takes a slow machine more than five seconds, once, and then matplotlib says so on stderr: in the first
cell of whichever notebook comes first, which a test of that notebook would take for a warning.
"""

from __future__ import annotations

import importlib
import logging

logger = logging.getLogger("matplotlib")
level = logger.level
logger.setLevel(logging.ERROR)
importlib.import_module("matplotlib.font_manager")
logger.setLevel(level)
