"""Points, curves and cameras."""
