"""From probes to causes: facts, rules with what they require and forbid, and what a cause explains."""
