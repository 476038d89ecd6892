"""Sequences (chapter 14): recurrent cells, what they forget, translation, captions, attention."""
