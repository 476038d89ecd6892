"""Neural fields (chapter 20): pictures, clips and scenes as functions of place, and how they are drawn and fitted."""
