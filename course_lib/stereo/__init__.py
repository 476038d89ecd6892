"""Disparity from two rectified pictures (chapter 4, "stereo"): cost, aggregation, decision, check.

volume = census_cost(left, right, 64)          how badly each pixel fits at each disparity
volume = guided_aggregate(volume, left, 4)     neighbours vote            or  semi_global(volume, left)
disparity = winner_take_all(volume)            the cheapest, to a fraction of a pixel
consistent = left_right_check(volume)          seen by both cameras?
disparity = fill_invalid(disparity, consistent)
"""

from course_lib.stereo.aggregation import box_aggregate, guided_aggregate
from course_lib.stereo.costs import census_cost, census_transform, sad_cost, zncc_cost
from course_lib.stereo.matching import fill_invalid, left_right_check, winner_take_all
from course_lib.stereo.semi_global import scan_path, semi_global

__all__ = [
    "box_aggregate",
    "census_cost",
    "census_transform",
    "fill_invalid",
    "guided_aggregate",
    "left_right_check",
    "sad_cost",
    "scan_path",
    "semi_global",
    "winner_take_all",
    "zncc_cost",
]
