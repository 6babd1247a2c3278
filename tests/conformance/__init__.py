"""Our doors, asked by programs of other hands."""
