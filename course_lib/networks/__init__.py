"""Parts of networks and whole networks that several tasks share."""
