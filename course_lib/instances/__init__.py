"""Instances, contours, panoptics and prompts (chapter 11): what is made of detections, maps and clicks."""
