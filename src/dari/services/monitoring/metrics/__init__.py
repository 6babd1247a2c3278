"""Questions about figures over time: a catalogue of named metrics, a small grammar, and summaries instead of dumps."""
