"""Motion from physics (chapter 1, "data-forms")."""
