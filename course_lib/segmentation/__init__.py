"""Dense prediction (chapter 9): a class, a depth or a direction for every pixel."""
