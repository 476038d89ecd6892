"""Instances (chapter 11): panoptic maps, contours that walk, masks on demand, poses, and solids from one picture."""
