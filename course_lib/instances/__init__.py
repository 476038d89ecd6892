"""Instances (chapter 11): masks of single objects, contours that move, panoptic maps, and masks on demand."""
