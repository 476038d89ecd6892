"""Outlines instead of pixels (chapter 4, "vector-graphics")."""
