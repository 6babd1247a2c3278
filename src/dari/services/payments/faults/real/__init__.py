"""The scenarios on real parts and in real time: programs are killed and paused, lines are slow, records are poison."""
