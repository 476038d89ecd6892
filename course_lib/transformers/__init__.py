"""Transformers (chapter 15): translation, language, pictures, and attention that needs less memory or less time."""
