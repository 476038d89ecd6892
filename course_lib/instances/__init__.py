"""Instances (chapter 11): masks of single objects, contours, panoptic maps, prompts, poses, reconstruction."""
